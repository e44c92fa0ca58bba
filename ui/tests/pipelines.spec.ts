// Pipelines: written with help, wrong lines told where they are, tried before they are saved.
import { expect, test } from './support/fixtures';
import { uploaded } from './support/files';

const editor = '.cm-content';

test('a pipeline is written with completion, tried on a document, saved, and deleted', async ({ app }) => {
  await uploaded(app.request, 'trial.pdf');
  await app.goto('/pipelines');
  await app.getByRole('link', { name: 'New pipeline' }).click();
  const text = app.locator(editor);
  await text.click();
  await app.keyboard.press('Control+a');
  await app.keyboard.type('name: trial\nsta');
  await app.keyboard.press('Control+Space');
  await expect(app.locator('.cm-tooltip-autocomplete')).toContainText('stages');
  await app.keyboard.press('Escape');
  await app.keyboard.press('Control+a');
  await app.keyboard.insertText("name: trial\nstages:\n  - type: ocr\n  - type: parse\n    fields:\n      - name: house\n        pattern: '(The Old \\w+)'\n");
  await app.getByLabel('Document').selectOption({ label: 'trial.pdf' });
  await app.getByRole('button', { name: 'Try it' }).click();
  await expect(app.getByText('One field was found.')).toBeVisible({ timeout: 60_000 });
  await expect(app.getByRole('button', { name: 'house: The Old Schoolhouse' })).toBeVisible();
  await text.click();
  await app.keyboard.press('Control+s');
  await expect(app.getByText('Saved as version 1')).toBeVisible();
  await expect(app).toHaveURL(/\/pipelines\/trial$/);
  await app.getByRole('button', { name: 'Delete' }).click();
  await app.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(app).toHaveURL(/\/pipelines$/);
  await expect(app.getByRole('link', { name: 'trial' })).toHaveCount(0);
});

test.describe('a mistake', () => {
  test.use({ refusals: [422] });
  test('is told in its line, and saving says it again', async ({ app }) => {
    await app.goto('/pipelines/new');
    await app.locator(editor).click();
    await app.keyboard.press('Control+a');
    await app.keyboard.insertText('name: wrong\nstages:\n  - type: ocr\n    langauges: [eng]\n');
    const mark = app.locator('.cm-lintRange-error');
    await expect(mark).toHaveText(/langauges/);
    await app.getByRole('button', { name: 'Save' }).click();
    await expect(app.getByRole('alert')).toContainText('langauges');
  });
});

test('a built-in pipeline is shown and copied, not changed', async ({ app }) => {
  await app.goto('/pipelines/searchable-pdf');
  await expect(app.getByText('cannot be changed')).toBeVisible();
  await expect(app.getByRole('button', { name: 'Save' })).toHaveCount(0);
  await app.getByRole('button', { name: 'Make a copy to change' }).click();
  await expect(app.locator(editor)).toContainText('searchable-pdf-copy');
});

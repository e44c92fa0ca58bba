/* A library that plays Tesseract: it reads one word on every picture, and on pictures that are higher than broad it does what
 * the variable TESSDATA_PREFIX names instead. Only the functions that crPipeline calls are here. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int width, height, long_words; } Engine;

const char *TessVersion(void) { return "5.0.0-faulty"; }
void TessDeleteText(const char *text) { free((void *)text); }
void TessDeleteTextArray(char **texts) {
    for (char **text = texts; *text; text++) free(*text);
    free(texts);
}

static char **only_english(void) {
    char **texts = calloc(2, sizeof *texts);
    texts[0] = strdup("eng");
    return texts;
}

Engine *TessBaseAPICreate(void) { return calloc(1, sizeof(Engine)); }
void TessBaseAPIDelete(Engine *engine) { free(engine); }
int TessBaseAPIInit2(Engine *engine, const char *folder, const char *languages, int mode) { return 0; }
const char *TessBaseAPIGetDatapath(Engine *engine) { return "/nowhere"; }
char **TessBaseAPIGetLoadedLanguagesAsVector(const Engine *engine) { return only_english(); }
char **TessBaseAPIGetAvailableLanguagesAsVector(const Engine *engine) { return only_english(); }
void TessBaseAPISetPageSegMode(Engine *engine, int mode) {}
void TessBaseAPISetSourceResolution(Engine *engine, int dots_per_inch) {}
void TessBaseAPIClear(Engine *engine) {}
void TessBaseAPISetImage(Engine *engine, const unsigned char *pixels, int width, int height, int bytes, int row) {
    engine->width = width;
    engine->height = height;
}

static void out_of_memory(void) {
    while (malloc(1 << 20)) {}
    perror("the engine");
    abort();
}

static void flood(void) {
    char noise[4096];
    memset(noise, '!', sizeof noise);
    for (;;) write(2, noise, sizeof noise);
}

int TessBaseAPIRecognize(Engine *engine, void *monitor) {
    const char *fault = getenv("TESSDATA_PREFIX");
    engine->long_words = 0;
    /* "honest:50": every page is read, in 50 milliseconds. */
    if (fault && !strncmp(fault, "honest:", 7)) { usleep(1000 * atoi(fault + 7)); return 0; }
    if (!fault || engine->height <= engine->width) return 0;
    if (!strcmp(fault, "crash")) { signal(SIGSEGV, SIG_DFL); raise(SIGSEGV); }
    if (!strcmp(fault, "exit")) _exit(0);
    if (!strcmp(fault, "hang")) for (;;) pause();
    if (!strcmp(fault, "out_of_memory")) out_of_memory();
    if (!strcmp(fault, "flood")) flood();
    if (!strcmp(fault, "garbage")) engine->long_words = 1;
    return !strcmp(fault, "gives_up");
}

/* The walk over the result is the engine itself: there is one word. */
Engine *TessBaseAPIGetIterator(Engine *engine) { return engine; }
void TessResultIteratorDelete(Engine *walk) {}
Engine *TessResultIteratorGetPageIterator(Engine *walk) { return walk; }
int TessResultIteratorNext(Engine *walk, int level) { return 0; }
float TessResultIteratorConfidence(const Engine *walk, int level) { return 95; }
void TessPageIteratorBegin(Engine *walk) {}
int TessPageIteratorIsAtBeginningOf(const Engine *walk, int level) { return 1; }

char *TessResultIteratorGetUTF8Text(const Engine *walk, int level) {
    if (!walk->long_words) return strdup("honest");
    char *garbage = malloc(100001);
    memset(garbage, 'x', 100000);
    garbage[100000] = 0;
    return garbage;
}

int TessPageIteratorBoundingBox(const Engine *walk, int level, int *left, int *top, int *right, int *bottom) {
    *left = *top = 0;
    *right = walk->width / 2;
    *bottom = walk->height / 2;
    return 1;
}

int TessPageIteratorBaseline(const Engine *walk, int level, int *x0, int *y0, int *x1, int *y1) {
    *x0 = 0;
    *x1 = walk->width / 2;
    *y0 = *y1 = walk->height / 2;
    return 1;
}

// Text that has made other programs do what it says: markup, scripts, templates, formats, directions, control characters.

const TAGS = ['script', 'img src=x onerror', 'svg onload', 'body onload', 'iframe srcdoc', 'details open ontoggle', 'video src=x onerror', 'math href'];
const CALLS = ['owned=1', 'alert(1)', 'globalThis.owned=1', 'confirm`1`', 'prompt(1)', 'window.onerror=alert'];
const ENDS = ['', '</style>', '</noscript>', '"', "'", '</title>', '</textarea>', '-->', ']]>', '}}', '`'];

const MARKUP = TAGS.flatMap((tag) => CALLS.map((call) => `<${tag}=${call}>`));
const BROKEN_OUT = ENDS.flatMap((end) => CALLS.map((call) => `${end}<script>${call}</script>`));
const TEMPLATES = ['{{constructor.constructor("owned=1")()}}', '${owned=1}', '#{owned=1}', '<%= owned=1 %>', '{%raw%}', '{@html "<script>owned=1</script>"}', '{count, plural, one {#} other {#}}'];
const ADDRESSES = CALLS.flatMap((call) => [`javascript:${call}`, `data:text/html,<script>${call}</script>`, `//evil.example/${call}`]);
const FORMATS = ['=cmd|"/c calc"!A0', '+1+1', '@SUM(1)', '%s%s%n', '%00', '\u202Egnp.exe', '\u200b\u200b', '\u0000', '\ufeff', 'a\u0300\u0301\u0302'.repeat(20), '😀'.repeat(40), 'ﷺ'.repeat(20)];
const PATHS = ['../../etc/passwd', '..\\..\\windows', 'CON', 'nul.pdf', '.', '..', '~root', '$(owned=1)', '`owned=1`', '; rm -rf *', '| cat', '&& owned=1', "' OR 1=1 --", '"; DROP TABLE documents; --', 'NaN', 'null', 'undefined', 'true', '-0', '1e309'];
const DIRECTIONS = ['مرحبا', 'שלום', '日本語の文書', 'Ελληνικά', 'кириллица', 'ﬁligree', 'ß', 'İstanbul', 'ﬀ', 'Straße'];
const LONG = ['W'.repeat(250), 'a '.repeat(120), '<b>'.repeat(80), '&amp;'.repeat(40), '&#60;script&#62;owned=1&#60;/script&#62;', '\\u003cscript\\u003e', '%3Cscript%3Eowned%3D1%3C%2Fscript%3E'];
const ATTRIBUTES = ['onmouseover', 'onfocus', 'onclick', 'style', 'href'].flatMap((name) => ['"', "'", ' '].map((quote) => `x${quote} ${name}=${quote}owned=1`));

export const HOSTILE: readonly string[] = [
  ...MARKUP,
  ...BROKEN_OUT,
  ...TEMPLATES,
  ...ADDRESSES,
  ...FORMATS,
  ...PATHS,
  ...DIRECTIONS,
  ...LONG,
  ...ATTRIBUTES,
  ...CALLS,
];

// Runes everywhere: no component of the app uses what older versions had.
export default { compilerOptions: { runes: true } };

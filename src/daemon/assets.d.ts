/** Bundled as a file: the import is its path. */
declare module '*/build/sampan-launcher' {
  const path: string;
  export default path;
}

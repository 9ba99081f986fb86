// The page has no Node; one test reads a Go file to compare the two tables of moves.
declare module 'node:fs' {
  export function readFileSync(path: string, encoding: 'utf8'): string;
}

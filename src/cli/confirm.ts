import type { Io } from './io.ts';

/** Asks a question that only `y` answers with yes; the end of input is a no. */
export async function confirm(io: Io, question: string): Promise<boolean> {
  io.out(`${question} [y/N] `);
  const decoder = new TextDecoder();
  let answer = '';
  for await (const chunk of io.stdin()) {
    answer += decoder.decode(chunk, { stream: true });
    if (answer.includes('\n')) break;
  }
  const line = answer.split('\n', 1)[0] ?? '';
  return line.trim().toLowerCase() === 'y';
}

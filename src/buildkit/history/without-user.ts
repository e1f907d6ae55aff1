/** An address without the name and the password in it: those are nobody's business later. Any other text as it is. */
export function withoutUser(text: string): string {
  return text.replace(/^(https?:\/\/)[^@/?#]*@/, '$1');
}

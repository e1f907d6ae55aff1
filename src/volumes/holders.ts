/** Who has which volume at hand, in memory: a new daemon is told again. */
export class Holders {
  readonly #byVolume = new Map<string, Set<string>>();

  /** Whether anybody has it, `except` aside. */
  any(volume: string, except?: string): boolean {
    const users = this.#byVolume.get(volume);
    if (users === undefined) return false;
    return except === undefined || !users.has(except) ? users.size > 0 : users.size > 1;
  }

  has(volume: string, user: string): boolean {
    return this.#byVolume.get(volume)?.has(user) === true;
  }

  add(volume: string, user: string): void {
    const users = this.#byVolume.get(volume);
    if (users === undefined) this.#byVolume.set(volume, new Set([user]));
    else users.add(user);
  }

  delete(volume: string, user: string): void {
    const users = this.#byVolume.get(volume);
    if (users?.delete(user) && users.size === 0) this.#byVolume.delete(volume);
  }
}

import type { Context } from '../../base/context.ts';
import type { Task } from '../../runtime/contract.ts';

/** Only its supervisor reaps the process: as long as it finds it, the ID is the container's. */
export async function isAlive(task: Task, context: Context): Promise<boolean> {
  try {
    await task.signal(context, 0);
    return true;
  } catch {
    return false;
  }
}

import { rm } from 'node:fs/promises';

/**
 * Removes a directory of a test. What an ordinary user has built may have other owners outside of the user namespace: that
 * stays, and goes with the directory for temporary files in which such tests are run.
 */
export async function removeScratch(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    if (process.getuid?.() === 0) throw error;
  }
}

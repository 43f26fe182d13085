/** Children that are running now and belong to somebody: whatever else this process is the parent of is an orphan. */
export const ownProcesses: Set<number> = new Set();

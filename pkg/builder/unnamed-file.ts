import type { FileHandle } from 'node:fs/promises';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A new file without a name, on the disk of this directory: whatever ends this process, the file is gone with it. */
export async function openUnnamed(parent: string): Promise<FileHandle> {
  const directory = await mkdtemp(join(parent, 'gilliam-upload-'));
  try {
    return await open(join(directory, 'upload.tar'), 'wx+', 0o600);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

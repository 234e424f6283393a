/** What a manifest is called. */
export const MANIFEST_FILE = 'gilliam.yml';

/** The reason in the status of an executor that is connected, and whose container engine does not answer. */
export const ENGINE_SILENT = 'EngineUnavailable';

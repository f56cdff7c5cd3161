/** Says what is being done. A step that shows progress calls it again and again with the same words before the colon. */
export type Report = (message: string) => void;

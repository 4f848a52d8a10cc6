import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';

const FOLDER = fileURLToPath(new URL('page', import.meta.url));

const FILES = [
  '/',
  '/page.css',
  '/page-result.css',
  '/page.js',
  '/page-client.js',
  '/page-form.js',
  '/page-texts.js',
  '/page-view.js',
];

/** The example page: an API client without a build step, that a frontend developer can copy from. */
export function pageRoutes(): Router {
  const router = Router();
  // Asked for again on each visit and answered by 304: modules of two versions must not meet in one browser.
  const serve = express.static(FOLDER, { maxAge: 0, redirect: false });
  // One route a file and not a folder at the root: other paths are the API's, and cost no look at the disk.
  for (const file of FILES) router.get(file, serve);
  return router;
}

import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { packDist } from './tools/pack.mjs';

// The API runs beside the page in development; HELPDESK_DEV_API names another address.
const api = process.env.HELPDESK_DEV_API ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), tailwindcss(), packDist()],
  server: { port: 5173, strictPort: true, proxy: { '/api': { target: api, ws: true } } },
  build: {
    target: ['chrome123', 'firefox128', 'safari17.5'],
    // Inlined files would be data: URLs, which the Content-Security-Policy forbids for fonts and scripts.
    assetsInlineLimit: 0,
    manifest: 'manifest.json',
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // What every page needs and seldom changes: one chunk compresses better and outlives our releases in caches.
            { name: 'base', test: /node_modules\/(react|react-dom|scheduler|clsx|use-sync-external-store|@tanstack\/(react-router|router-core|history|store|react-store|react-query|query-core))\//, priority: 2 },
            { name: 'shell', test: /src\/(api\/(client|http|problem|me|queryClient|signedOut)|app\/(stored|PageTitle|Fallback)|ui\/(Button|Tooltip|Kbd|cx|CopyButton|LiveRegion|toast|Skeleton|States))\.tsx?$/, priority: 1 },
          ],
        },
      },
    },
    // A chunk's size is judged by tools/budget.mjs.
    chunkSizeWarningLimit: 4096,
  },
  test: { environment: 'jsdom', setupFiles: ['src/testing/setup.ts'], include: ['src/**/*.test.{ts,tsx}'], css: false },
});

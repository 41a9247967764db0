/** Made by swagger-ui-bundle.js, which the page loads before this. */
declare const SwaggerUIBundle: (options: Readonly<Record<string, unknown>>) => unknown;

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  // The key stays in this tab.
  persistAuthorization: false,
  // It would ask a foreign host to judge the document.
  validatorUrl: null,
});

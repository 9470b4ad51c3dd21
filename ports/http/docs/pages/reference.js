// Shows both documents, and asks no other server: its fonts, its statistics and its assistants stay off.
Scalar.createApiReference('#reference', {
  sources: [
    { title: 'API', slug: 'api', url: '/openapi.yaml', default: true },
    { title: 'Events', slug: 'events', url: '/asyncapi.yaml' },
  ],
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  persistAuth: false,
});

// Imports point one way (DESIGN, section 8): each layer may use those before it and none after it.
const LAYERS = [
  ['domain', 'errors', 'log', 'profiling'],
  ['store', 'cache', 'queue', 'writing', 'sources'],
  ['pipeline'],
  ['sessions'],
  ['http'],
];

const path = (names) => `^src/(${names.join('|')})(/|\\.ts$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-dependency-in-production',
      severity: 'error',
      from: { path: '^(src|instrumentation)' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'profiling-imports-nothing-of-the-application',
      severity: 'error',
      from: { path: '^src/profiling/' },
      to: { path: '^src/', pathNot: '^src/profiling/' },
    },
    ...LAYERS.map((names, index) => ({
      name: `${names[0]}-layer-imports-only-what-is-before-it`,
      severity: 'error',
      from: { path: path(names) },
      to: { path: ['^src/', '^instrumentation'], pathNot: path(LAYERS.slice(0, index + 1).flat()) },
    })),
    ...LAYERS[1].map((adapter) => ({
      name: `adapter-${adapter}-imports-no-other-adapter`,
      severity: 'error',
      from: { path: `^src/${adapter}/` },
      to: { path: path(LAYERS[1].filter((other) => other !== adapter)) },
    })),
    {
      name: 'only-container-and-main-construct',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|container|migrate)\\.ts$' },
      to: { path: '^src/(main|container|container-machines|migrate)\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no API yet that dependency-cruiser could parse with.
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

# The service as an image: api and worker are the same one, told apart by ROLE.
#   docker build -t meari-api .
# The version is that of the development dependency `node` (held by test/unit/deployment/dockerfile.test.ts).

FROM node:26.10.0-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What is optional is faster twins of what is there anyway, and the embedded Postgres: an image has DATABASE_URL. No
# dependency has an install script that it cannot do without.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:26.10.0-trixie-slim
ENV NODE_ENV=production OPS_HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json instrumentation.ts LICENSE ./
COPY src src
# `node` of the base image, as a number: Kubernetes cannot tell otherwise that it is not root. Everything in /app is
# root's, and nothing is ever written: the root file system may be read-only.
USER 1000:1000
EXPOSE 8000 9464
# Alive, not ready: some engines kill what is unhealthy, and a service that waits for its database must live.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --start-interval=1s --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.OPS_PORT || 9464}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1 and hears the signals. It is done within 10 s of a SIGTERM.
CMD ["node", "--import", "./instrumentation.ts", "src/main.ts"]

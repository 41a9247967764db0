# One file for both apps: docker build -f docker/app.Dockerfile --build-arg APP=gateway .
# The image holds no secret and no environment name: the deployment sets both.
ARG NODE_VERSION=26.10.0

FROM node:${NODE_VERSION}-slim AS tools
RUN npm install --global pnpm@12.21.0
WORKDIR /build

# The lockfile and manifests of the app and of the packages below it, apart from the sources: the layer with the
# dependencies is built again only when they change.
FROM tools AS pruned
ARG APP
ENV TURBO_TELEMETRY_DISABLED=1
COPY . .
# turbo itself comes from the lockfile too.
RUN pnpm install --frozen-lockfile --filter @switchyard/tooling
RUN tooling/node_modules/.bin/turbo prune "@switchyard/${APP}" --docker --production

FROM tools AS installed
COPY --from=pruned /build/out/json/ .
RUN pnpm install --prod --frozen-lockfile
COPY --from=pruned /build/out/full/ .

# The workspace's layout is kept: Node strips types only outside of node_modules, so nothing is copied into it.
FROM node:${NODE_VERSION}-slim
ARG APP
ENV NODE_ENV=production
WORKDIR /app
COPY --from=installed --chown=root:root /build .
RUN ln -s "/app/apps/${APP}/src/main.ts" /app/main.ts
USER node
# Node is pid 1: it gets SIGTERM itself and drains.
CMD ["node", "--enable-source-maps", "--disable-warning=ExperimentalWarning", "/app/main.ts"]

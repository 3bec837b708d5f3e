# syntax=docker/dockerfile:1
# The image of one service: docker build --build-arg SERVICE=order --tag souk/order:0.1.0 .
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY gen/package.json gen/
# No package that a service needs has anything to run at its installation.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:${NODE_VERSION}-trixie-slim
ARG SERVICE
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules node_modules
COPY gen gen
COPY platform platform
COPY services/${SERVICE} services/${SERVICE}
# Fails without a service's name. What isn't there can't be used by whoever gets in.
RUN test -f "services/${SERVICE}/main.ts" \
    && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
    /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn*
ENV NODE_ENV=production
# As a number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /app/services/${SERVICE}
# Node runs TypeScript as it is, and is process 1: SIGTERM reaches it.
ENTRYPOINT ["node"]
CMD ["main.ts"]

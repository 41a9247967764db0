export { startAdminServer, type AdminServer, type Readiness } from './admin-server.ts';
export { withDeadline } from './deadline.ts';
export { ConfigurationError, parseEnvironment } from './environment.ts';
export { createLifecycle, type Lifecycle } from './lifecycle.ts';
export { createLogger, type LogDestination, type Logger, type LogLevel } from './logger.ts';

package api

// PermName is Prisma's rbac.PermName.
type PermName string

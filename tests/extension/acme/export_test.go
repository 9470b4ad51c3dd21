package acme

// Migrations are what makes Acme's tables.
var Migrations = migrations

package main

import (
	"fmt"

	"lindero/migrations"
)

// migrateCommand brings a database to this build's schema.
type migrateCommand struct {
	logSettings
	OwnerURL    string `name:"owner-url" env:"LINDERO_MIGRATE_DATABASE_URL" help:"Database, as a role that may create roles and the vector extension (${env})."`
	DatabaseURL string `env:"LINDERO_DATABASE_URL" help:"When it holds a password, lindero_app gets it (${env})."`
	PlatformURL string `env:"LINDERO_PLATFORM_DATABASE_URL" help:"When it holds a password, lindero_platform gets it (${env})."`
}

// Run migrates. It may be repeated.
func (m *migrateCommand) Run(c *console) error {
	if m.OwnerURL == "" {
		return usageError{"LINDERO_MIGRATE_DATABASE_URL is not set; it looks like postgres://postgres:password@host:5432/lindero"}
	}
	if err := migrations.Up(c.ctx, m.OwnerURL, m.logger(c.err)); err != nil {
		return err
	}
	if err := migrations.Passwords(c.ctx, m.OwnerURL, m.DatabaseURL, m.PlatformURL); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "The database is up to date.")
	return nil
}

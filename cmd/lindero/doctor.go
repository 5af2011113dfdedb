package main

import (
	"errors"
	"fmt"

	"lindero/store"
	"lindero/store/postgres"
)

// doctorCommand checks a database before anybody relies on it, or a vector backend beside it.
type doctorCommand struct {
	processSettings
	output
	doctorPinecone
	DataDir string `env:"LINDERO_DATA_DIR" default:".lindero" help:"Without a database, the lindero dev that runs in this data directory is looked at (${env})."`
	Backend string `help:"Compare this vector backend with the database instead: pinecone." enum:"pinecone," default:""`
}

// diagnosis is the report for machines.
type diagnosis struct {
	Isolation  postgres.IsolationReport `json:"isolation"`
	Migrations string                   `json:"migrations"` // ok, or what to do
	Workers    string                   `json:"workers"`    // ok, or whose work waits in vain
	OK         bool                     `json:"ok"`
}

var errUnwell = errors.New("something is wrong; see above")

// Run prints every check and fails when one does.
func (d *doctorCommand) Run(c *console) error {
	if err := d.lookAtDev(c); err != nil {
		return err
	}
	config, err := d.config(c)
	if err != nil {
		return err
	}
	if d.Backend == "" && (d.Fix || d.Tenant != "") {
		return usageError{"--fix and --tenant belong to --backend pinecone"}
	}
	s, err := postgres.Open(c.ctx, postgres.Config{URL: config.DatabaseURL, Secret: config.Secret, Log: config.Log})
	if err != nil {
		return err
	}
	defer s.Close()
	if d.Backend == store.Pinecone {
		return d.reconcile(c, config, s)
	}
	found := diagnosis{Migrations: "ok", OK: true}
	if err := checkMigrated(c.ctx, s.Pool()); err != nil {
		found.Migrations, found.OK = err.Error(), false
	}
	if found.Isolation, err = s.CheckIsolation(c.ctx); err != nil {
		return err
	}
	found.OK = found.OK && found.Isolation.Err() == nil
	if found.Workers = "ok"; found.Migrations == "ok" {
		health, err := s.QueueHealth(c.ctx)
		if err != nil {
			return err
		}
		if len(health.Unserved) > 0 {
			found.Workers, found.OK = unserved(health.Unserved), false
		}
	}
	if err := d.print(c, found); err != nil {
		return err
	}
	if !found.OK {
		return errUnwell
	}
	return nil
}

// lookAtDev fills in where the running lindero dev is, when no database is named.
func (d *doctorCommand) lookAtDev(c *console) error {
	if d.DatabaseURL != "" {
		return nil
	}
	dev, err := findRunning(d.DataDir)
	if dev == nil || err != nil {
		return err
	}
	fmt.Fprintf(c.err, "LINDERO_DATABASE_URL is not set: looking at lindero dev in %s\n", d.DataDir)
	d.DatabaseURL, d.PlatformURL = dev.DatabaseURL, dev.PlatformURL
	d.PineconeKey, d.PineconeHost, d.PineconeIndex = dev.PineconeKey, dev.PineconeHost, dev.PineconeIndex
	return nil
}

func (d *doctorCommand) print(c *console, found diagnosis) error {
	if d.JSON {
		return printJSON(c.out, found)
	}
	rows := [][]string{{"CHECK", "OUTCOME", "DETAIL"}, {"migrations", outcome(found.Migrations == "ok"), found.Migrations},
		{"workers", outcome(found.Workers == "ok"), found.Workers}}
	for _, check := range found.Isolation.Checks {
		rows = append(rows, []string{check.Name, outcome(check.OK), check.Detail})
	}
	if err := printTable(c.out, rows); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\nPostgreSQL %s, pgvector %s\n", found.Isolation.PostgreSQL, found.Isolation.PgVector)
	for _, advice := range found.Isolation.Warnings {
		fmt.Fprintln(c.out, "advice:", advice)
	}
	return nil
}

func outcome(ok bool) string {
	if ok {
		return "ok"
	}
	return "FAILED"
}

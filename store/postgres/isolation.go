package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
)

// IsolationReport is what a look at wall 2 has found.
type IsolationReport struct {
	Role       string           `json:"role"` // that was checked
	PostgreSQL string           `json:"postgresql"`
	PgVector   string           `json:"pgvector"`
	Checks     []IsolationCheck `json:"checks"`
	Warnings   []string         `json:"warnings,omitempty"` // worth mending, no reason to stop
	CheckedAt  time.Time        `json:"checked_at"`
}

// IsolationCheck is one rule and what breaks it.
type IsolationCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what holds, or everything that breaks it
}

// Err is nil when every check holds, and else a fault.Unavailable that names those that do not.
func (r IsolationReport) Err() error {
	var broken []string
	for _, c := range r.Checks {
		if !c.OK {
			broken = append(broken, c.Name+": "+c.Detail)
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fault.Wrap(fmt.Errorf("isolation is broken: %s", strings.Join(broken, "; ")), fault.Unavailable,
		"the service does not answer because tenants' isolation could not be verified")
}

// CheckIsolation looks for everything in the database that would let the store's role see or change rows of
// another tenant than the one it is bound to. An error means that it could not look; the findings are in the
// report. It changes nothing and takes some ten milliseconds.
func (s *Store) CheckIsolation(ctx context.Context) (IsolationReport, error) {
	report := IsolationReport{CheckedAt: time.Now()}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		if err := readVersions(ctx, tx, &report); err != nil {
			return err
		}
		for _, rule := range isolationRules {
			rows, err := tx.Query(ctx, rule.sql, rule.args...)
			if err != nil {
				return fmt.Errorf("%s: %w", rule.name, err)
			}
			findings, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return fmt.Errorf("%s: %w", rule.name, err)
			}
			report.add(rule.name, rule.holds, findings)
		}
		findings, err := probe(ctx, tx)
		report.add("probe", "without a tenant no table returns a row", findings)
		return err
	})
	return report, translate(err)
}

func (r *IsolationReport) add(name, holds string, findings []string) {
	check := IsolationCheck{Name: name, OK: len(findings) == 0, Detail: holds}
	if !check.OK {
		check.Detail = strings.Join(findings, ", ")
	}
	r.Checks = append(r.Checks, check)
}

// probe reads every table that the role may read with no tenant bound. Indexes answer "no row of a null
// tenant" at once, while a sequential scan would read whole tables to find nothing.
func probe(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, probedTables, tableNames(tablesWithoutTenant))
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var findings []string
	batch := &pgx.Batch{}
	batch.Queue(`SET LOCAL enable_seqscan = off`)
	batch.Queue(`SELECT coalesce(current_setting('app.tenant_id', true), '')`).QueryRow(func(row pgx.Row) error {
		var bound string
		err := row.Scan(&bound)
		if bound != "" {
			findings = append(findings, "new transactions start bound to tenant "+bound)
		}
		return err
	})
	for _, table := range tables { // quoted by regclass
		batch.Queue(`SELECT EXISTS (SELECT FROM ` + table + `)`).QueryRow(func(row pgx.Row) error {
			var leaks bool
			err := row.Scan(&leaks)
			if leaks {
				findings = append(findings, table+" returns rows")
			}
			return err
		})
	}
	return findings, tx.SendBatch(ctx, batch).Close()
}

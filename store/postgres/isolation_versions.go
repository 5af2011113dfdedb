package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	oldestPostgreSQL    = 150000
	oldestPgVector      = "0.8.0"
	safePgVector        = "0.8.2" // the first without CVE-2026-3172
	recommendedPgVector = "0.8.6"
)

// readVersions fills in what the database runs on.
func readVersions(ctx context.Context, tx pgx.Tx, r *IsolationReport) error {
	var number int
	err := tx.QueryRow(ctx, `SELECT session_user::text, current_setting('server_version'), current_setting('server_version_num')::int,
		coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), '')`).Scan(&r.Role, &r.PostgreSQL, &number, &r.PgVector)
	if err != nil {
		return err
	}
	var findings []string
	if number < oldestPostgreSQL {
		findings = append(findings, "PostgreSQL "+r.PostgreSQL+" is older than 15")
	}
	if olderThan(r.PgVector, oldestPgVector) {
		findings = append(findings, fmt.Sprintf("pgvector %s is older than %s", r.PgVector, oldestPgVector))
	}
	r.add("versions", "PostgreSQL "+r.PostgreSQL+", pgvector "+r.PgVector, findings)
	r.Warnings = vectorWarnings(r.PgVector)
	return nil
}

func vectorWarnings(version string) []string {
	switch {
	case olderThan(version, safePgVector):
		return []string{fmt.Sprintf("pgvector %s: parallel index builds are unsafe before %s (CVE-2026-3172), so indexes are built without parallel workers; install %s or newer",
			version, safePgVector, recommendedPgVector)}
	case olderThan(version, recommendedPgVector):
		return []string{fmt.Sprintf("pgvector %s: %s or newer is recommended", version, recommendedPgVector)}
	}
	return nil
}

// olderThan compares dotted numbers; what is no number counts as 0.
func olderThan(version, wanted string) bool {
	have, want := strings.Split(version, "."), strings.Split(wanted, ".")
	for i := range want {
		var h int
		if i < len(have) {
			h, _ = strconv.Atoi(have[i])
		}
		w, _ := strconv.Atoi(want[i])
		if h != w {
			return h < w
		}
	}
	return false
}

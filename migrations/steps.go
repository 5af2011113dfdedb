package migrations

import "io/fs"

// onlySteps is the embedded folder without bootstrap.sql.
type onlySteps struct{ fs.FS }

// Glob makes fs.Glob, by which goose finds the steps, see the numbered files alone.
func (s onlySteps) Glob(string) ([]string, error) {
	return fs.Glob(s.FS, "[0-9][0-9][0-9]_*.sql")
}

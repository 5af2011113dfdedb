package migrations

import "io/fs"

// onlySteps is the embedded folder without bootstrap.sql.
type onlySteps struct{ fs.FS }

// Glob is how goose looks for steps: once for *.sql, once for *.go, of which there are none.
func (s onlySteps) Glob(pattern string) ([]string, error) {
	if pattern != "*.sql" {
		return nil, nil
	}
	return fs.Glob(s.FS, "[0-9][0-9][0-9]_*.sql")
}

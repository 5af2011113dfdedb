package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Memory is what the deployment holds, in bytes; nil where it cannot be told.
type Memory struct {
	Server *int64 `json:"server_bytes,omitempty"`
	// Database is the proportional share (PSS) of all of PostgreSQL's processes, its shared buffers counted once.
	Database *int64 `json:"database_bytes,omitempty"`
}

func (b *Bench) memory(ctx context.Context) Memory {
	var m Memory
	if n, err := b.serverMemory(ctx); err == nil {
		m.Server = &n
	}
	if n, err := b.databaseMemory(ctx); err == nil {
		m.Database = &n
	}
	return m
}

// serverMemory asks the server's own metrics.
func (b *Bench) serverMemory(ctx context.Context) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.cfg.Deployment.URL+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := b.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); ok {
			bytes, err := strconv.ParseFloat(value, 64)
			return int64(bytes), err
		}
	}
	return 0, fmt.Errorf("the server's metrics do not tell its memory")
}

// databaseMemory finds PostgreSQL among this machine's processes: the family of the process that serves a connection
// of ours. It fails where the database is elsewhere or belongs to somebody whose memory may not be looked at.
func (b *Bench) databaseMemory(ctx context.Context) (int64, error) {
	if b.cfg.Deployment.DatabaseURL == "" {
		return 0, errors.New("the database is not known")
	}
	conn, err := pgx.Connect(ctx, b.cfg.Deployment.DatabaseURL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var pid int
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return 0, err
	}
	postmaster, err := parentOf(pid)
	if err != nil {
		return 0, err
	}
	total, err := proportionalShare(postmaster)
	if err != nil {
		return 0, err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, path := range processes {
		child, _ := strconv.Atoi(filepath.Base(path))
		if parent, err := parentOf(child); err != nil || parent != postmaster {
			continue
		}
		if n, err := proportionalShare(child); err == nil { // it may have ended meanwhile
			total += n
		}
	}
	return total, nil
}

// parentOf reads a PostgreSQL process's parent. The name stands in brackets and may hold anything, so the fields
// are counted from its end.
func parentOf(pid int) (int, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	name, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(rest))
	if !bytes.HasSuffix(name, []byte("(postgres")) || len(fields) < 2 {
		return 0, fmt.Errorf("process %d is not PostgreSQL's", pid)
	}
	return strconv.Atoi(fields[1])
}

func proportionalShare(pid int) (int64, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(rollup)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %d does not tell its share", pid)
}

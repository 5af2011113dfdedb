package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lindero/client"
)

// operate runs a command of the operator's.
func (s *serving) operate(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	stdout, stderr := newScreen(), newScreen()
	if args[0] == "tenant" {
		args = append(args[:2:2], append([]string{"--url", s.url, "--admin-key", adminKey}, args[2:]...)...)
	}
	code = run(&console{ctx: t.Context(), in: strings.NewReader(""), out: stdout, err: stderr}, args)
	return code, stdout.String(), stderr.String()
}

func (s *serving) get(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestDedicatedWorkers(t *testing.T) {
	t.Parallel()
	s := serve(t)
	me := s.customer(t, "acme")
	if code, out, err := s.operate(t, "tenant", "workers", "acme", "--dedicated", "--json"); code != exitOK || !strings.Contains(out, `"dedicated_workers":true`) && !strings.Contains(out, `"dedicated_workers": true`) {
		t.Fatalf("%d %s%s", code, out, err)
	}
	put, err := me.PutDocument(t.Context(), "default", "a", client.NewDocument{Text: "words"}, client.PutOptions{Wait: 7 * time.Second})
	if err != nil || put.Document.Status != "pending" {
		t.Fatalf("the shared workers did it: %+v %v", put.Document, err)
	}
	if code, out, _ := s.operate(t, "doctor", "--database-url", s.db.AppURL()); code != exitFailure || !strings.Contains(out, "dedicated workers") {
		t.Errorf("doctor: %d %s", code, out)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		ready, metrics := s.get(t, "/readyz"), s.get(t, "/metrics")
		if strings.Contains(ready, "dedicated_workers") && strings.Contains(metrics, "lindero_queue_unserved_tenants 1") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody is told: %s", ready)
		}
	}
	startProcess(t, nil, "worker", "--tenant", "acme", "--database-url", s.db.AppURL())
	if _, err := me.WaitOperation(t.Context(), put.Operation.ID, nil); err != nil {
		t.Fatal(err)
	}
	if code, out, err := s.operate(t, "doctor", "--database-url", s.db.AppURL()); code != exitOK {
		t.Errorf("doctor: %d %s%s", code, out, err)
	}
	if worker := startProcess(t, nil, "worker", "--tenant", "nobody", "--database-url", s.db.AppURL()); worker.code() != exitFailure || !strings.Contains(worker.err.String(), "nobody") {
		t.Errorf("a tenant that does not exist: %s", worker.err)
	}
}

func TestTenantLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, "--no-workers")
	s.customer(t, "acme")
	limits := func(args ...string) (l client.Limits) {
		t.Helper()
		code, out, problems := s.operate(t, append([]string{"tenant", "limits", "acme", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &l); code != exitOK || err != nil {
			t.Fatalf("%d %s%s %v", code, out, problems, err)
		}
		return l
	}
	plan := limits()
	if set := limits("--queue-documents", "7"); *set.QueueDocuments != 7 || *set.QueueBytes != *plan.QueueBytes || *set.IngestConcurrency != *plan.IngestConcurrency {
		t.Errorf("%v", set)
	}
	if set := limits("--ingest-concurrency", "3"); *set.QueueDocuments != 7 || *set.IngestConcurrency != 3 {
		t.Errorf("%v", set)
	}
	if set := limits("--reset"); *set.QueueDocuments != *plan.QueueDocuments || *set.IngestConcurrency != *plan.IngestConcurrency {
		t.Errorf("%v", set)
	}
	if code, _, _ := s.operate(t, "tenant", "limits", "acme", "--queue-bytes", "0"); code == exitOK {
		t.Error("a limit of nothing was set")
	}
}

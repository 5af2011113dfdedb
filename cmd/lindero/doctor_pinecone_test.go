package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/store/pinecone"
)

const waitLong = 30 * time.Second

// doctor runs lindero doctor --backend pinecone --json, wants its exit code and returns its report.
func (s *onPinecone) doctor(want int, flags ...string) (report reconciliation) {
	s.t.Helper()
	c := &console{ctx: s.t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
	args := append([]string{"doctor", "--backend", "pinecone", "--json", "--database-url", s.db.AppURL(), "--platform-url", s.db.PlatformURL(),
		"--pinecone-key", pineconeKey, "--pinecone-host", s.emulator.ControlURL()}, flags...)
	code := run(c, args)
	if code != want {
		s.t.Errorf("lindero doctor %v ended with %d, want %d:\n%s%s", flags, code, want, c.out, c.err)
	}
	if err := json.Unmarshal([]byte(c.out.(*screen).String()), &report); err != nil {
		s.t.Fatalf("%v in %s%s", err, c.out, c.err)
	}
	return report
}

// namespace speaks to one of the emulator's namespaces as nobody in Lindero does.
func (s *onPinecone) namespace(name string) *sdk.IndexConnection {
	s.t.Helper()
	raw, err := sdk.NewClient(sdk.NewClientParams{ApiKey: pineconeKey, Host: s.emulator.ControlURL()})
	if err != nil {
		s.t.Fatal(err)
	}
	index, err := raw.DescribeIndex(s.t.Context(), "lindero-8")
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := raw.Index(sdk.NewIndexConnParams{Host: index.Host, Namespace: name})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestDoctorComparesPinecone(t *testing.T) {
	s := servePinecone(t)
	const documents = 30
	s.filled("well", 10)
	s.filled("ill", documents)
	if report := s.doctor(exitOK); !report.OK || report.Tenants != 2 || len(report.Compared) != 2 {
		t.Fatalf("%+v", report)
	}
	own := s.namespaceOf("ill")
	before := s.contents(own)
	var ids []string
	for _, v := range s.emulator.Vectors("lindero-8", own) {
		ids = append(ids, v.ID)
	}
	values := testVector(1)
	put := func(conn *sdk.IndexConnection, id string) {
		t.Helper()
		if _, err := conn.UpsertVectors(t.Context(), []*sdk.Vector{{Id: id, Values: &values}}); err != nil {
			t.Fatal(err)
		}
	}
	conn := s.namespace(own)
	if err := conn.DeleteVectorsById(t.Context(), ids[:3]); err != nil { // missing
		t.Fatal(err)
	}
	put(conn, ids[5][:strings.LastIndexByte(ids[5], ':')]+":1000000") // an orphan
	foreign := strings.TrimPrefix(s.namespaceOf("well"), "t-") + ids[5][36:]
	put(conn, foreign)
	put(conn, "garbled")
	const nobody = "t-6f1c9a54-3a0e-4a56-9a42-111111111111"
	put(s.namespace(nobody), "anything")
	put(s.namespace("another-program"), "anything")
	s.emulator.Release()

	ill := func(report reconciliation) pinecone.Differences {
		t.Helper()
		i := slices.IndexFunc(report.Compared, func(one comparison) bool { return one.Tenant == "ill" })
		if i < 0 {
			t.Fatalf("%+v", report)
		}
		return report.Compared[i].Differences
	}
	want := pinecone.Differences{Dimensions: 8, OnRecord: documents, Listed: documents, Missing: 3, Orphans: 1, Foreign: 2}
	for range 2 { // looking changes nothing
		report := s.doctor(exitFailure)
		if got := ill(report); got != want || report.OK {
			t.Errorf("%+v, want %+v", got, want)
		}
		if len(report.Strangers) != 1 || report.Strangers[0].Namespace != nobody {
			t.Errorf("strangers: %+v", report.Strangers)
		}
	}
	if report := s.doctor(exitOK, "--tenant", "well"); report.Tenants != 1 || len(report.Strangers) != 0 {
		t.Errorf("one tenant alone: %+v", report)
	}
	s.doctor(exitFailure, "--fix")
	s.settle("ill")
	s.emulator.Release()
	report := s.doctor(exitFailure) // the stranger is left
	if got := ill(report); !got.OK() || got.Listed != documents {
		t.Errorf("after the repair: %+v", got)
	}
	if !slices.Contains(s.emulator.Namespaces("lindero-8"), nobody) || len(report.Strangers) != 1 {
		t.Errorf("the stranger's namespace was not left alone: %+v", report.Strangers)
	}
	if after := s.contents(own); withoutRevisions(t, after) != withoutRevisions(t, before) {
		t.Errorf("the namespace held\n%s\nand holds\n%s", before, after)
	}
	if err := s.namespace(nobody).DeleteNamespace(t.Context(), nobody); err != nil {
		t.Fatal(err)
	}
	s.emulator.Release()
	s.doctor(exitOK)
}

// withoutRevisions takes away what a repair may change: the outbox counts anew.
func withoutRevisions(t *testing.T, contents string) string {
	t.Helper()
	var all strings.Builder
	for line := range strings.Lines(contents) {
		index, text, _ := strings.Cut(line, " ")
		var vectors []struct {
			ID       string
			Values   []float32
			Metadata map[string]any
		}
		if err := json.Unmarshal([]byte(text), &vectors); err != nil {
			t.Fatal(err)
		}
		for i := range vectors {
			delete(vectors[i].Metadata, "revision")
		}
		kept, err := json.Marshal(vectors)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(index + string(kept))
	}
	return all.String()
}

func TestDoctorForPeopleAndWrongUsage(t *testing.T) {
	s := servePinecone(t)
	s.filled("acme", 5)
	c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
	base := []string{"doctor", "--database-url", s.db.AppURL()}
	t.Setenv("PINECONE_API_KEY", "")
	t.Setenv("LINDERO_PLATFORM_DATABASE_URL", "")
	for _, wrong := range [][]string{
		{"--fix"}, {"--tenant", "acme"}, {"--backend", "weaviate"}, {"--backend", "pinecone"},
		{"--backend", "pinecone", "--platform-url", s.db.PlatformURL()},
	} {
		if code := run(c, append(slices.Clone(base), wrong...)); code != exitUsage {
			t.Errorf("%v ended with %d", wrong, code)
		}
	}
	c.out = newScreen()
	code := run(c, append(slices.Clone(base), "--backend", "pinecone", "--platform-url", s.db.PlatformURL(),
		"--pinecone-key", pineconeKey, "--pinecone-host", s.emulator.ControlURL()))
	text := c.out.(*screen).String()
	if code != exitOK || !strings.Contains(text, "acme") || !strings.Contains(text, "1 tenants on Pinecone compared") {
		t.Errorf("%d:\n%s", code, text)
	}
}

package pineconeemu

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"lindero/fault"
)

// An index's directory below Config.Dir bears its name and holds its definition and its journal.
const (
	definitionFile = "index.json"
	journalFile    = "journal"
)

func (e *Emulator) indexDir(name string) string { return filepath.Join(e.cfg.Dir, name) }

// loadIndexes opens what an earlier emulator left in Dir.
func (e *Emulator) loadIndexes() error {
	if e.cfg.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(e.cfg.Dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Invalid, "the Pinecone emulator cannot use the directory %s", e.cfg.Dir)
	}
	found, err := filepath.Glob(filepath.Join(e.cfg.Dir, "*", definitionFile))
	if err != nil {
		return err
	}
	for _, path := range found {
		if err := e.loadIndex(path); err != nil {
			return fault.Wrap(err, fault.Internal, "the Pinecone emulator cannot load %s", filepath.Dir(path))
		}
	}
	return nil
}

func (e *Emulator) loadIndex(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var d definition
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	x := newIndex(e, d)
	if err := x.open(); err != nil {
		return err
	}
	if err := x.serve(); err != nil {
		return errors.Join(err, x.close())
	}
	e.indexes[d.Name] = x
	return nil
}

// saveDefinition writes a definition so that a crash leaves the old one or the new one.
func (e *Emulator) saveDefinition(d definition) error {
	if e.cfg.Dir == "" {
		return nil
	}
	text, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(e.indexDir(d.Name), definitionFile), func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

// removeDir forgets an index, its definition first: without it the rest is not an index.
func (e *Emulator) removeDir(name string) error {
	if e.cfg.Dir == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(e.indexDir(name), definitionFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(e.indexDir(name))
}

// open replays the index's journal, rewrites it when much of it is history, and appends to it from now on.
func (x *index) open() error {
	if x.emulator.cfg.Dir == "" {
		return nil
	}
	dir := x.emulator.indexDir(x.definition.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, journalFile)
	length, err := replay(path, x.replayed)
	if err != nil {
		return err
	}
	if length > 2*x.liveBytes()+minCompaction {
		if length, err = x.compact(path); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	x.journal = &journal{file: file, size: length}
	return file.Truncate(length) // drops what a killed process wrote half
}

// replayed applies an entry of the journal at once, whatever the visibility: it was acknowledged in another life.
func (x *index) replayed(entry journaled) error {
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(entry.method + "Request"))
	if err != nil {
		return err
	}
	request := t.New().Interface()
	if err := proto.Unmarshal(entry.request, request); err != nil {
		return err
	}
	c, err := x.parseWrite(entry.method, request)
	if err != nil {
		return err
	}
	n := x.namespace(namespaceOf(request))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.accepted = entry.number - 1
	n.accept(c, Visibility{})
	return nil
}

// parseWrite understands a request as the handler of its method does.
func (x *index) parseWrite(method string, request proto.Message) (change, error) {
	switch method {
	case "Upsert":
		return x.parseUpsert(request)
	case "Delete":
		return parseDelete(request.(deleteRequest))
	case "Update":
		return x.parseUpdate(request)
	case "CreateNamespace":
		return created{}, nil
	case "DeleteNamespace":
		return dropped{}, nil
	}
	return nil, fmt.Errorf("the journal has an unknown method %q", method)
}

// minCompaction is how much of a journal must be history, beside as much again as is alive, for it to be rewritten.
const minCompaction = 1 << 20

// liveBytes is about how long a journal is that holds the present contents and nothing else.
func (x *index) liveBytes() int64 {
	var bytes int64
	for _, n := range x.visibleNamespaces("") {
		n.read(func(t *table) {
			for row := range t.ids {
				bytes += int64(t.recordBytes(row))
			}
		})
	}
	return bytes
}

func (t *table) recordBytes(row int) int {
	return len(t.ids[row]) + 4*t.dimension + proto.Size(t.metadata[row])
}

// compact replaces the journal by one that holds the present contents only.
func (x *index) compact(path string) (length int64, err error) {
	started := time.Now()
	err = replaceFile(path, func(f *os.File) error {
		for _, n := range x.allNamespaces() {
			written, err := n.writeSnapshot(f)
			if err != nil {
				return err
			}
			length += written
		}
		return nil
	})
	x.emulator.cfg.Log.Info("Pinecone emulator: journal compacted", "index", x.definition.Name, "bytes", length, "took", time.Since(started))
	return length, err
}

// snapshotBytes is about how long the upserts of a snapshot are.
const snapshotBytes = 1 << 20

// writeSnapshot writes the entries that make the namespace as it is. All bear its last number, for the numbers must not
// fall behind what callers remember; so even a dropped namespace leaves an entry.
func (n *namespace) writeSnapshot(f *os.File) (length int64, err error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for method, request := range n.snapshot() {
		encoded, err := encodeEntry(n.accepted, method, request)
		if err != nil {
			return length, err
		}
		if _, err := f.Write(encoded); err != nil {
			return length, err
		}
		length += int64(len(encoded))
	}
	return length, nil
}

// snapshot yields methods and requests. Nothing is pending: the journal has just been replayed.
func (n *namespace) snapshot() iter.Seq2[string, proto.Message] {
	return func(yield func(string, proto.Message) bool) {
		if !n.exists {
			yield("DeleteNamespace", newAnswer("DeleteNamespaceRequest").set("namespace", n.name).message())
			return
		}
		if !yield("CreateNamespace", newAnswer("CreateNamespaceRequest").set("name", n.name).message()) {
			return
		}
		for row := 0; row < n.records.len(); {
			request := newAnswer("UpsertRequest").set("namespace", n.name)
			for bytes := 0; row < n.records.len() && bytes < snapshotBytes; row++ {
				bytes += n.records.recordBytes(row)
				request.add("vectors").setRecord(n.records.ids[row], n.records.values(row), n.records.metadata[row])
			}
			if !yield("Upsert", request.message()) {
				return
			}
		}
	}
}

// replaceFile writes a file beside the old one and puts it in its place.
func replaceFile(path string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the renaming, as it should
	err = errors.Join(write(f), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

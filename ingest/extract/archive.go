package extract

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"strings"

	"lindero/fault"
)

// archive reads the files of a zip container within limits. Files are found by the names the format uses, so
// names that point outside of the container mean nothing.
type archive struct {
	files  map[string]*zip.File
	limits Limits
	left   int64 // bytes that may still be unpacked
}

func openArchive(src source) (*archive, error) {
	r, err := zip.NewReader(bytes.NewReader(src.data), int64(len(src.data)))
	if err != nil {
		return nil, err
	}
	if len(r.File) > src.limits.Entries {
		return nil, tooLarge("the file packs more than %d files", src.limits.Entries)
	}
	a := &archive{files: make(map[string]*zip.File, len(r.File)), limits: src.limits, left: src.limits.ArchiveBytes}
	for _, file := range r.File {
		const encrypted = 1 // a flag of the zip format
		if file.Flags&encrypted != 0 {
			return nil, fault.New(fault.Encrypted, "the file is encrypted")
		}
		if _, twice := a.files[file.Name]; !twice {
			a.files[file.Name] = file
		}
	}
	return a, nil
}

func (a *archive) has(name string) bool { return a.files[name] != nil }

// read unpacks one file. It is nil when the archive does not have it.
func (a *archive) read(name string) ([]byte, error) {
	file := a.files[name]
	if file == nil {
		return nil, nil
	}
	// The limits hold for what is declared, and more than declared never comes out.
	most := min(a.limits.EntryBytes, a.left, max(int64(min(file.CompressedSize64, 1<<40)), 1<<10)*a.limits.Ratio)
	if file.UncompressedSize64 > uint64(most) {
		return nil, unpacksTooFar()
	}
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := bytes.NewBuffer(make([]byte, 0, file.UncompressedSize64+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(r, int64(file.UncompressedSize64)+1)); err != nil {
		return nil, err
	}
	if uint64(data.Len()) > file.UncompressedSize64 {
		return nil, unpacksTooFar()
	}
	a.left -= int64(data.Len())
	return data.Bytes(), nil
}

func unpacksTooFar() error {
	return tooLarge("the file unpacks to far more than a document of its size should")
}

// tree unpacks and parses one XML file. It is nil when the archive does not have it.
func (a *archive) tree(ctx ctxErr, name string) (*element, error) {
	data, err := a.read(name)
	if err != nil || data == nil {
		return nil, err
	}
	return parseXML(ctx, data, a.limits)
}

// required is tree for a file without which there is no document.
func (a *archive) required(ctx ctxErr, name string) (*element, error) {
	root, err := a.tree(ctx, name)
	if err == nil && root == nil {
		return nil, fault.New(fault.Damaged, "the file lacks its part %s", name)
	}
	return root, err
}

// relations reads the targets that an OOXML part refers to, by their ids and resolved against its folder.
// Targets outside of the container are left out.
func (a *archive) relations(ctx ctxErr, part string) (map[string]relation, error) {
	root, err := a.tree(ctx, path.Join(path.Dir(part), "_rels", path.Base(part)+".rels"))
	if err != nil || root == nil {
		return nil, err
	}
	found := map[string]relation{}
	for _, r := range root.all("Relationship") {
		if strings.EqualFold(r.attr("TargetMode"), "External") {
			continue
		}
		target := r.attr("Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(part), target)
		}
		found[r.attr("Id")] = relation{kind: path.Base(r.attr("Type")), target: strings.TrimPrefix(path.Clean(target), "/")}
	}
	return found, nil
}

// relation is one part's reference to another; kind is the last element of its type's URL.
type relation struct{ kind, target string }

// probe checks that all files together keep the limits, without keeping what they unpack to. It is for
// archives that a library unpacks by itself.
func (a *archive) probe() error {
	for _, name := range sortedKeys(a.files) {
		if _, err := a.read(name); err != nil {
			return err
		}
	}
	return nil
}

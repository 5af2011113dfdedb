package extract

import (
	"context"
	"net/url"
	"path"
	"strings"

	"lindero/fault"
)

// parseEPUB reads the chapters of a book in reading order. A book with rights management is encrypted;
// obfuscated fonts alone are not.
func parseEPUB(ctx context.Context, src source, b *builder) error {
	a, err := openArchive(src)
	if err != nil {
		return err
	}
	container, err := a.required(ctx, "META-INF/container.xml")
	if err != nil {
		return err
	}
	locked, err := lockedFiles(ctx, a)
	if err != nil {
		return err
	}
	for _, rootfile := range container.all("rootfile") {
		name := rootfile.attr("full-path")
		if rootfile.attr("media-type") != "application/oebps-package+xml" || !a.has(name) {
			continue
		}
		if err := epubPackage(ctx, a, name, locked, b); err != nil {
			return err
		}
		return noText(b)
	}
	return fault.New(fault.Damaged, "the book lacks its table of files")
}

// lockedFiles are the names of the files that are encrypted.
func lockedFiles(ctx ctxErr, a *archive) (map[string]bool, error) {
	root, err := a.tree(ctx, "META-INF/encryption.xml")
	if err != nil {
		return nil, err
	}
	locked := map[string]bool{}
	for _, reference := range root.all("CipherReference") {
		locked[reference.attr("URI")] = true
	}
	return locked, nil
}

func epubPackage(ctx context.Context, a *archive, name string, locked map[string]bool, b *builder) error {
	root, err := a.required(ctx, name)
	if err != nil {
		return err
	}
	meta := root.child("metadata")
	b.title = meta.child("title").content()
	b.language = strings.TrimSpace(meta.child("language").content())
	b.note("author", meta.child("creator").content())
	b.note("publisher", meta.child("publisher").content())
	files := map[string]string{}
	for _, item := range root.child("manifest").all("item") {
		if strings.Contains(item.attr("media-type"), "html") {
			files[item.attr("id")] = item.attr("href")
		}
	}
	for _, item := range root.child("spine").all("itemref") {
		href, err := url.PathUnescape(files[item.attr("idref")])
		if err != nil || href == "" {
			continue
		}
		chapter := path.Join(path.Dir(name), href)
		if locked[chapter] {
			return fault.New(fault.Encrypted, "the book is protected by rights management")
		}
		if err := epubChapter(ctx, a, chapter, b); err != nil {
			return err
		}
	}
	return nil
}

func epubChapter(ctx context.Context, a *archive, name string, b *builder) error {
	data, err := a.read(name)
	if err != nil || data == nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return appendHTML(ctx, decodeHTML(data, ""), b)
}

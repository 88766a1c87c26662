package render

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// compressed is cloud-init's word for gzip in Base64.
const compressed = "gz+b64"

// worthwhile is the size above which a file is compressed.
const worthwhile = 600

var errEncoding = errors.New("an encoding of another kind")

// largest is the largest file that is not compressed yet, compressed. The path is
// empty when there is none. Certificates and keys do not get smaller.
func (s *Setup) largest(packed map[string]string) (path, content string, err error) {
	size := worthwhile
	var found File
	for _, f := range s.Files {
		if _, done := packed[f.Path]; done || strings.Contains(f.Content, "-----BEGIN") || len(f.Content) <= size {
			continue
		}
		found, size = f, len(f.Content)
	}
	if found.Path == "" {
		return "", "", nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", "", err
	}
	if _, err := io.WriteString(w, found.Content); err != nil {
		return "", "", err
	}
	if err := w.Close(); err != nil {
		return "", "", err
	}
	return found.Path, base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// fileLimit bounds what a compressed file may become.
const fileLimit = 1 << 20

// unpack makes a file what it is on the server.
func (f *File) unpack() error {
	if f.Encoding == "" {
		return nil
	}
	if f.Encoding != compressed {
		return fmt.Errorf("%s: %w", f.Encoding, errEncoding)
	}
	r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(f.Content)))
	if err != nil {
		return err
	}
	content, err := io.ReadAll(io.LimitReader(r, fileLimit))
	if err != nil {
		return err
	}
	f.Content, f.Encoding = string(content), ""
	return nil
}

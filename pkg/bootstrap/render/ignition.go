package render

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ignitionVersion is the specification that Flatcar reads since version 3510.
const ignitionVersion = "3.3.0"

// Ignition is a configuration of Ignition, as far as ours go
// (coreos.github.io/ignition/configuration-v3_3).
type Ignition struct {
	Ignition struct {
		Version string `json:"version"`
	} `json:"ignition"`
	Storage struct {
		Files []IgnitionFile `json:"files"`
	} `json:"storage"`
	Systemd struct {
		Units []IgnitionUnit `json:"units"`
	} `json:"systemd"`
}

// IgnitionFile is a file; Mode is decimal in the JSON.
type IgnitionFile struct {
	Path      string           `json:"path"`
	Mode      int64            `json:"mode"`
	Overwrite bool             `json:"overwrite"`
	Contents  IgnitionContents `json:"contents"`
}

// IgnitionContents is what is in a file, as a URL of the scheme data.
type IgnitionContents struct {
	Compression string `json:"compression"`
	Source      string `json:"source"`
}

// IgnitionUnit is a unit of systemd.
type IgnitionUnit struct {
	Name     string           `json:"name"`
	Enabled  bool             `json:"enabled"`
	Contents string           `json:"contents,omitempty"`
	Dropins  []IgnitionDropin `json:"dropins,omitempty"`
}

// IgnitionDropin is a part of a unit.
type IgnitionDropin struct {
	Name     string `json:"name"`
	Contents string `json:"contents"`
}

const (
	unitFolder  = "/etc/systemd/system/"
	setupScript = "/etc/kube-aliyun/setup"
	setupUnit   = "kube-aliyun-setup.service"
	containerd  = "containerd.service"
)

// Ignition writes a set-up for Flatcar, which has no cloud-init: files, units, and a
// unit that runs the set-up's other commands before them. They run at every start;
// doing them again changes nothing.
func (a Assets) Ignition(s *Setup, ntp []string) ([]byte, error) {
	config := Ignition{}
	config.Ignition.Version = ignitionVersion
	files := slices.Clone(s.Files)
	if len(ntp) > 0 {
		files = append(files, File{Path: "/etc/systemd/timesyncd.conf", Permissions: "0644", Content: "[Time]\nNTP=" + strings.Join(ntp, " ") + "\n"})
	}
	script, enabled := commands(s)
	files = append(files, File{Path: setupScript, Permissions: "0755", Content: script})
	slices.SortFunc(files, func(one, other File) int { return strings.Compare(one.Path, other.Path) })
	for _, f := range files {
		if path.Dir(f.Path)+"/" == unitFolder {
			name := path.Base(f.Path)
			config.Systemd.Units = append(config.Systemd.Units, IgnitionUnit{Name: name, Enabled: slices.Contains(enabled, name), Contents: f.Content})
			continue
		}
		file, err := ignitionFile(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		config.Storage.Files = append(config.Storage.Files, file)
	}
	unit, err := a.fill("systemd/"+setupUnit, nil)
	if err != nil {
		return nil, err
	}
	config.Systemd.Units = append(config.Systemd.Units, IgnitionUnit{Name: setupUnit, Enabled: true, Contents: unit})
	if slices.Contains(enabled, containerd) {
		// Flatcar's own unit reads a file in /usr, which cannot be written.
		config.Systemd.Units = append(config.Systemd.Units, IgnitionUnit{Name: containerd, Enabled: true, Dropins: []IgnitionDropin{
			{Name: "10-kube-aliyun.conf", Contents: "[Service]\nEnvironment=CONTAINERD_CONFIG=/etc/containerd/config.toml\nExecStart=\nExecStart=/usr/bin/containerd\n"},
		}})
	}
	return json.Marshal(config)
}

// commands are a script of what is not systemctl's, and the units that are enabled.
func commands(s *Setup) (script string, enabled []string) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\nset -eu\n")
	for _, command := range s.Run {
		if command[0] == "systemctl" {
			for _, argument := range command[2:] {
				if command[1] == "enable" && strings.HasSuffix(argument, ".service") {
					enabled = append(enabled, argument)
				}
			}
			continue
		}
		words := make([]string, 0, len(command))
		for _, w := range command {
			words = append(words, word(w))
		}
		b.WriteString(strings.Join(words, " ") + "\n")
	}
	return b.String(), enabled
}

const dataURL = "data:;base64,"

// ignitionFile compresses a file: even PEM is no larger then, in Base64.
func ignitionFile(f File) (IgnitionFile, error) {
	mode, err := strconv.ParseInt(f.Permissions, 8, 32)
	if err != nil {
		return IgnitionFile{}, err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return IgnitionFile{}, err
	}
	if _, err := io.WriteString(w, f.Content); err != nil {
		return IgnitionFile{}, err
	}
	if err := w.Close(); err != nil {
		return IgnitionFile{}, err
	}
	return IgnitionFile{Path: f.Path, Mode: mode, Overwrite: true, Contents: IgnitionContents{
		Compression: "gzip", Source: dataURL + base64.StdEncoding.EncodeToString(b.Bytes()),
	}}, nil
}

// Content is what a file is on the server.
func (f IgnitionFile) Content() (string, error) {
	encoded, is := strings.CutPrefix(f.Contents.Source, dataURL)
	if !is || f.Contents.Compression != "gzip" {
		return "", fmt.Errorf("%s: %w", f.Path, errEncoding)
	}
	file := File{Encoding: compressed, Content: encoded}
	err := file.unpack()
	return file.Content, err
}

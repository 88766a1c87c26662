package render

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
)

// Update is a shell script that brings a running server to what its set-up says, as
// its user-data brings a new one. It holds the server's keys.
func (a Assets) Update(s *Setup) (string, error) {
	var files, commands strings.Builder
	for _, f := range s.Files {
		fmt.Fprintf(&files, "file %s %s <<'END'\n%s\nEND\n", word(f.Path), f.Permissions, lines(f.Content))
	}
	for _, command := range s.Run {
		words := make([]string, 0, len(command))
		for _, w := range command {
			words = append(words, word(w))
		}
		commands.WriteString(strings.Join(words, " ") + "\n")
	}
	return a.fill("scripts/update", placeholder.Values{
		"SERVER_NAME": s.Server.Address, "FILES": strings.TrimSuffix(files.String(), "\n"), "COMMANDS": strings.TrimSuffix(commands.String(), "\n"),
	})
}

// lineLength is that of Base64 in mail; a terminal can show it.
const lineLength = 76

func lines(content string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	var b strings.Builder
	for len(encoded) > lineLength {
		b.WriteString(encoded[:lineLength] + "\n")
		encoded = encoded[lineLength:]
	}
	return b.String() + encoded
}

// word is a word of the shell.
func word(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

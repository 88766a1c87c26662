package balance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// programTimeout bounds a run of nft.
const programTimeout = 20 * time.Second

// text is the input of nft that turns a router with the previous rules into one
// with these, as one transaction: connections see the old rules or the new ones.
// Without previous rules what there is of the table is removed first.
func (rs *ruleset) text(previous *ruleset) string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	line("add table", table)
	if previous == nil {
		line("delete table", table)
		line("add table", table)
		previous = &ruleset{}
	}
	line("flush table", table)
	for _, chain := range previous.chains {
		if _, kept := rs.defined[chain]; !kept {
			line("delete chain", table, chain)
		}
	}
	for _, set := range previous.sets {
		if _, kept := rs.defined[set]; !kept {
			line("delete set", table, set)
		}
	}
	for name, definition := range rs.timeouts {
		line("add ct timeout", table, name, "{", definition, "}")
	}
	for _, set := range rs.sets {
		line("add set", table, set, "{", rs.defined[set], "}")
	}
	for _, chain := range rs.chains {
		if definition := rs.defined[chain]; definition != "" {
			line("add chain", table, chain, "{", definition, "}")
			continue
		}
		line("add chain", table, chain)
	}
	b.WriteString(strings.Join(rs.rules, "\n"))
	b.WriteString("\n")
	return b.String()
}

// equal tells whether a router with these rules already has the others.
func (rs *ruleset) equal(other *ruleset) bool {
	return other != nil && slices.Equal(rs.rules, other.rules) && slices.Equal(rs.chains, other.chains)
}

// program runs nft in a namespace.
func program(ctx context.Context, namespace *sandbox.Namespace, text string) error {
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	return namespace.Do(func() error {
		command := exec.CommandContext(ctx, "nft", "-f", "-")
		command.Stdin = strings.NewReader(text)
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("nft: %w: %s", errors.Join(err, ctx.Err()), bytes.TrimSpace(output))
		}
		return nil
	})
}

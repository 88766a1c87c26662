// Ignition reads files as Ignition itself does, with specification 3.3.0. Whatever it
// says is an error, warnings too.
package main

import (
	"fmt"
	"os"

	"github.com/coreos/ignition/v2/config/v3_3"
)

func main() {
	wrong := false
	for _, file := range os.Args[1:] {
		content, err := os.ReadFile(file)
		if err == nil {
			_, report, parsing := v3_3.Parse(content)
			err = parsing
			if err == nil && len(report.Entries) > 0 {
				err = fmt.Errorf("%s", report.String())
			}
		}
		if err != nil {
			fmt.Printf("%s: %v\n", file, err)
			wrong = true
		}
	}
	if wrong {
		os.Exit(1)
	}
}

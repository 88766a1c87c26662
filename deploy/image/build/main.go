// Build makes the image of aliyun-controller or hostroutes: a docker-archive, an OCI image layout, or
// the root file system for an engine that reads the Dockerfile.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
)

// localTag is the tag that the manifests of deploy/controller name.
const localTag = "local"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errNothing = errors.New("nothing to do: give --archive, --layout or --root")

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	program := flags.String("program", "aliyun-controller", "whose image: aliyun-controller or hostroutes")
	binary := flags.String("binary", "bin/aliyun-controller", "the static program")
	driver := flags.String("driver", "", "the static program of the FlexVolume driver, which goes into the image too")
	architecture := flags.String("arch", runtime.GOARCH, "its architecture: amd64 or arm64")
	version := flags.String("version", "v0.0.0-unknown", "its version, which is also the image's tag")
	name := flags.String("name", "localhost/kube-aliyun/aliyun-controller", "the image's name without a tag")
	archive := flags.String("archive", "", "docker-archive to write")
	layout := flags.String("layout", "", "folder to write an OCI image layout into")
	root := flags.String("root", "", "folder to write the root file system into")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *archive == "" && *layout == "" && *root == "" {
		return errNothing
	}
	spec, err := specify(*program, *binary, *driver, *architecture, *version)
	if err != nil {
		return err
	}
	if *root != "" {
		if err := image.WriteRoot(*root, spec.Files); err != nil {
			return err
		}
	}
	img, err := image.New(spec)
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	if *layout != "" {
		if err := image.WriteLayout(*layout, img); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s (OCI image layout): %s@%s\n", *layout, *name, digest)
	}
	if *archive != "" {
		id, err := img.ConfigName()
		if err != nil {
			return fmt.Errorf("image id: %w", err)
		}
		names := []string{*name + ":" + *version, *name + ":" + localTag}
		if err := image.WriteArchive(*archive, img, names...); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s (linux/%s, id %s): %s, also tagged %q\n", *archive, *architecture, id, names[0], localTag)
	}
	return nil
}

var errUnknown = errors.New("neither aliyun-controller nor hostroutes")

// specify is the image of a program.
func specify(program, binary, driver, architecture, version string) (image.Spec, error) {
	switch program {
	case "aliyun-controller":
		return image.Controller(binary, driver, architecture, version)
	case "hostroutes":
		return image.Hostroutes(binary, architecture, version)
	}
	return image.Spec{}, fmt.Errorf("--program %q: %w", program, errUnknown)
}

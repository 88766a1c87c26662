package image

// ControllerPath is where the program is: the place that manifests of 2017 name.
const ControllerPath = "/aliyun-controller"

// DriverPath is where the FlexVolume driver is, which installs itself from there.
const DriverPath = "/aliyun-flexv"

// ControllerUser owns the process, and so the files that it is to read from the
// host. 65532 is no user of a common distribution.
const ControllerUser = "65532:65532"

// Controller is the image of aliyun-controller: its static program, the one of the
// driver unless that is empty, both for architecture, and certificate authorities;
// nothing else, no shell.
func Controller(controller, driver, architecture, version string) (Spec, error) {
	program, err := Program(ControllerPath, controller, architecture)
	if err != nil {
		return Spec{}, err
	}
	files := []File{program}
	if driver != "" {
		program, err := Program(DriverPath, driver, architecture)
		if err != nil {
			return Spec{}, err
		}
		files = append(files, program)
	}
	certificates, err := Certificates()
	if err != nil {
		return Spec{}, err
	}
	files = append(files, File{Path: CertificatesPath, Mode: 0o644, Content: certificates})
	return specOf(ControllerPath, architecture, version, files...), nil
}

// specOf is the image of files, of which one is its program.
func specOf(path, architecture, version string, files ...File) Spec {
	return Spec{
		Files:      files,
		Entrypoint: []string{path},
		User:       ControllerUser,
		// What the Dockerfile's engine sets, so that both images agree.
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Labels: map[string]string{
			"org.opencontainers.image.title":    path[1:],
			"org.opencontainers.image.source":   "https://github.com/kube-aliyun/kube-aliyun",
			"org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.version":  version,
		},
		Architecture: architecture,
	}
}

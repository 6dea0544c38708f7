# SPDX-License-Identifier: Apache-2.0
#
# The container files and the service unit against the repository, as far as that can be proven
# without a daemon: what is copied is there and enough to configure the build with, the build is the
# one ./quickstart makes, what is installed is what the program is linked with, every command line is
# one the program takes, users and volumes fit, the demo's settings pass `config check`, and nothing
# runs as root or writes beside its volumes.
# usage: docker.py PORTCULLIS ROOT
import fnmatch
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

USER = "10001:10001"


def main(program, root):
    failures = []
    stages = dockerfile(os.path.join(root, "docker/Dockerfile"))
    compose = read(root, "docker/compose.yaml")
    copies(root, stages, failures)
    build(root, stages, failures)
    libraries(program, stages, failures)
    stage_rules(stages, failures)
    commands(program, root, stages, compose, failures)
    services(program, root, stages, compose, failures)
    unit(program, root, failures)
    for text in failures:
        print("FAILED", text)
    print(f"{len(failures)} found")
    return 1 if failures else 0


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as f:
        return f.read()


def dockerfile(path):
    """{stage: [(instruction, the rest of it)]}; 'from' is what a stage begins with."""
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f.read().split("\n") if not line.startswith("#")]
    stages, stage = {}, None
    for line in "\n".join(lines).replace("\\\n", " ").split("\n"):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, stage = rest.partition(" AS ")
            stages[stage] = [("FROM", base)]
        elif word:
            stages[stage].append((word, " ".join(rest.split())))
    return stages


def copied(stages):
    """Every source that is copied out of the checkout, with where it goes."""
    for steps in stages.values():
        for word, rest in steps:
            if word == "COPY" and not rest.startswith("--from"):
                *sources, to = rest.split()
                yield from ((source, to) for source in sources)


def copies(root, stages, failures):
    ignored = [line for line in read(root, ".dockerignore").split("\n")
               if line and not line.startswith("#")]
    for source, _ in copied(stages):
        if not os.path.exists(os.path.join(root, source)):
            failures.append(f"Dockerfile: COPY {source}: not in the repository")
        if any(fnmatch.fnmatch(source, pattern) for pattern in ignored):
            failures.append(f"Dockerfile: COPY {source}: .dockerignore leaves it out")
    installer = read(root, "docker/setup/install.sh")
    for needed in re.findall(r"^\. (\S+)", installer, re.M) + ["docker/setup/install.sh"]:
        if needed not in [source for source, _ in copied(stages)]:
            failures.append(f"Dockerfile: install.sh needs {needed}, which is not copied")


def build(root, stages, failures):
    """What is copied is configured as the Dockerfile says, in a folder that has nothing else."""
    run = next(rest for word, rest in stages["build"] if word == "RUN" and "meson setup" in rest)
    setup = shlex.split(run.split(" && ")[0])
    ninja = shlex.split(run.split(" && ")[1])
    made = [word for word in ninja if "/" in word]
    quick = re.search(r'build_make "\$BUILD" (.*)', read(root, "quickstart"))[1].split()
    for option in quick:
        if option not in setup:
            failures.append(f"Dockerfile: ./quickstart builds with {option}, the image does not")
    for steps in stages.values():
        for word, rest in steps:
            source = rest.split()[1] if word == "COPY" and rest.startswith("--from=build") else ""
            if source and source.removeprefix("/src/build/") not in made:
                failures.append(f"Dockerfile: COPY {source}: the build does not make it")
    with tempfile.TemporaryDirectory() as top:
        for source, to in copied(stages):
            if to == "./" or source == to:
                os.symlink(os.path.join(root, source), os.path.join(top, source))
        done = subprocess.run(setup, cwd=top, capture_output=True, text=True)
        if done.returncode != 0:
            failures.append("Dockerfile: what is copied cannot be configured: " + done.stdout[-500:])
            return
        names = introspect(top, "--targets")
        files = {os.path.relpath(f, os.path.join(top, "build"))
                 for target in names for f in target["filename"]}
        options = {o["name"]: o["value"] for o in introspect(top, "--buildoptions")}
    for target in made:
        if target not in files:
            failures.append(f"Dockerfile: ninja {target}: no such target")
    catalog = f"{options['prefix']}/{options['datadir']}/portcullis/catalog/"
    for source, to in copied(stages):
        if source.startswith("src/core/route/catalog/") and to != catalog:
            failures.append(f"Dockerfile: the program looks for {source} in {catalog}, not in {to}")


def introspect(top, what):
    done = subprocess.run(["meson", "introspect", what, "build"], cwd=top, capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)


def stem(library):
    """libmbedx509-7, libuv1t64, libllhttp.so.9.2 and libIPSec_MB.so.2 without their versions."""
    name = re.sub(r"\.so.*|t64$", "", library).lower().replace("ipsec_mb", "ipsec-mb")
    name = name if name.endswith("509") else re.sub(r"-?[\d.]+$", "", name)
    return {"libhs": "libhyperscan", "libvectorscan": "libhyperscan"}.get(name, name)


def libraries(program, stages, failures):
    """Names without versions: this machine need not be the image's Debian."""
    done = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    needed = {stem(name) for name in re.findall(r"NEEDED.*\[(lib[^\]]+)\]", done.stdout)}
    needed -= {"libc", "libm", "libasan", "libubsan", "libtsan", "libgcc_s"}
    run = next(rest for word, rest in stages["runtime"] if word == "RUN")
    there = {stem(name) for name in re.findall(r"\blib[\w.-]*\d\b", run)}
    for name in sorted(needed - there):
        failures.append(f"Dockerfile: the program needs {name}*, which the image does not have")
    # Linked statically where there is an archive.
    for name in sorted(there - needed - {"libllhttp"}):
        failures.append(f"Dockerfile: the image has {name}*, which the program does not need")


def stage_rules(stages, failures):
    for name in ("gateway", "fake-provider"):
        steps = stages[name]
        words = [word for word, _ in steps]
        if steps[0][1] != "runtime" or ("USER", USER) not in steps:
            failures.append(f"Dockerfile: {name} must stand on runtime and have USER {USER}")
        elif "RUN" in words[words.index("USER"):]:
            failures.append(f"Dockerfile: {name} changes the image as its user")
    if list(stages)[-1] != "gateway" or "HEALTHCHECK" not in dict(stages["gateway"]):
        failures.append("Dockerfile: gateway must come last and have a health check")
    user, group = USER.split(":")
    run = next(rest for word, rest in stages["runtime"] if word == "RUN")
    if f"useradd --uid {user} --gid {group}" not in run:
        failures.append(f"Dockerfile: nobody makes the user {USER}")


def takes(program, arguments, failures, where):
    """Without database, key or file it must fail, but not for its usage (2)."""
    with tempfile.TemporaryDirectory() as top:
        line = [re.sub(r"^/(etc|run)/", top + "/", a) for a in arguments]
        done = subprocess.run([program, *line], env={"PATH": os.environ["PATH"]}, cwd=top,
                              capture_output=True, text=True, timeout=60)
    if done.returncode != 1:
        failures.append(f"{where}: portcullis {shlex.join(arguments)}: {done.stderr}")


def commands(program, root, stages, compose, failures):
    gateway = dict(stages["gateway"])
    if gateway["ENTRYPOINT"] != '["portcullis"]':
        failures.append("Dockerfile: the gateway's entry point is not the program")
    takes(program, json.loads(gateway["CMD"]), failures, "Dockerfile: CMD")
    check = json.loads(gateway["HEALTHCHECK"].split(" CMD ")[1])
    takes(program, check[1:], failures, "Dockerfile: HEALTHCHECK")
    if check[0] != "portcullis" or check[-2:] != json.loads(gateway["CMD"])[-2:]:
        failures.append("Dockerfile: the health check must read the settings of CMD")
    lines = re.findall(r"^ +command: \[(.*)\]$", compose, re.M)
    for line in lines:
        takes(program, [word.strip(' "') for word in line.split(",")], failures, "compose.yaml")
    if len(lines) != 3:
        failures.append("compose.yaml: migrate, demo and gateway must have a command")
    text = read(root, "bench/load/fake_provider/main.c")
    for option in re.findall(r'"(--\w+)"', dict(stages["fake-provider"])["ENTRYPOINT"]):
        if f'"{option}"' not in text:
            failures.append(f"Dockerfile: the fake provider has no option {option}")


def service(compose, name):
    return re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", compose, re.M)[1]


def services(program, root, stages, compose, failures):
    gateway, fake = service(compose, "gateway"), service(compose, "fake-provider")
    shared = re.search(r"^x-gateway: &gateway\n((?:  .*\n)+)", compose, re.M)[1]

    def must(is_so, what):
        if not is_so:
            failures.append("compose.yaml: " + what)
    for text, who in ((shared, "x-gateway"), (fake, "fake-provider")):
        for line in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"):
            must(line in text, f"{who} lacks {line}")
        target = re.search(r"target: (\S+)", text)[1]
        must(target in stages, f"{target} is no stage of the Dockerfile")
        must("dockerfile: docker/Dockerfile" in text and "context: .." in text, f"{who}: build")
    must("content:" not in compose, "a read-only container takes a configuration from a file only")
    for name in re.findall(r"(\S+): \{ condition", compose):
        must(f"\n  {name}:\n" in compose, f"depends on {name}, which is not there")
    for name in re.findall(r"(PORTCULLIS_\w+):", compose):
        must(name in variables(program), f"{name} is no setting")
    must("secrets: [master_key]" in shared and "/run/secrets/master_key" in shared, "master key")
    # Ports, paths and names of both sides of the demo.
    file = re.search(r"^  gateway:\n    file: (\S+)", compose, re.M)
    path = os.path.join(root, "docker", file[1])
    with open(path, encoding="utf-8") as f:
        settings = json.load(f)
    port = settings["listen"]["port"]
    entry = json.loads(dict(stages["fake-provider"])["ENTRYPOINT"])
    provider = entry[entry.index("--port") + 1]
    folder = entry[entry.index("--dir") + 1]
    must(("EXPOSE", str(port)) in stages["gateway"], f"the image does not expose {port}")
    must(f'ports: ["127.0.0.1:8080:{port}"]' in fake, f"nobody publishes {port}")
    must(settings["listen"]["host"] == "0.0.0.0", "the gateway is not reached from outside")
    must(settings["upstream"]["exceptions"] == f"localhost:{provider}", "exception of the provider")
    must(f'"https://localhost:{provider}"' in compose, "the demo's provider is elsewhere")
    must(f"provider:{folder}" in fake and f"{folder}/ca.crt" in fake, "the provider's volume")
    must("provider:/run/provider:ro" in gateway and
         settings["upstream"]["ca_file"] == "/run/provider/ca.crt", "the provider's certificate")
    must(("VOLUME", folder) in stages["fake-provider"], "the provider's volume in its image")
    must("state:/var/lib/portcullis" in gateway and
         ("VOLUME", "/var/lib/portcullis") in stages["gateway"], "the gateway's volume")
    must('network_mode: "service:fake-provider"' in gateway, "the gateway cannot reach localhost")
    target = re.search(r"target: (/\S+)", gateway)[1]
    must(target in gateway.split("command:")[1].split("\n")[0], f"{target} is not what serve reads")
    # Its certificate is made when it starts; all else must be right.
    done = subprocess.run([program, "config", "check", "-c", path, "--set", "upstream.ca_file="],
                          env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    must(done.returncode == 0, f"{file[1]}: {done.stderr}")


def variables(program):
    done = subprocess.run([program, "config", "show", "--json"], env={"PATH": os.environ["PATH"]},
                          capture_output=True, text=True, check=True)
    return {"PORTCULLIS_" + s["name"].upper().replace(".", "_") for s in json.loads(done.stdout)}


def unit(program, root, failures):
    text = read(root, "docker/portcullis.service")
    for line in re.findall(r"^Exec\w+=(.*)", text, re.M):
        words = shlex.split(line)
        if words[0] == "/usr/bin/portcullis":
            takes(program, words[1:], failures, "portcullis.service")
        elif line != "/bin/kill -HUP $MAINPID":
            failures.append(f"portcullis.service: what is {line}?")
    for name in re.findall(r"^Environment=(\w+)=", text, re.M):
        if name not in variables(program):
            failures.append(f"portcullis.service: {name} is no setting")
    for line in ("Type=notify", "DynamicUser=yes", "StateDirectory=portcullis",
                 "NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0",
                 "CapabilityBoundingSet="):
        if line not in text.split("\n"):
            failures.append(f"portcullis.service: without {line}")


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))

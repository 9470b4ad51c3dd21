#!/usr/bin/env bash
# Makes ready what the tests start for themselves: database servers, a browser, and clients that others wrote.
#
#   scripts/test-setup.sh [mysql] [mariadb] [redis] [rabbitmq] [chromium] [clients] [packages] [compiler]     all when none is named
#
# MySQL, the first that applies: the server named by LEADMILL_TEST_MYSQL_DSN, Docker, an installed mysqld, and on
# Debian as root a private copy under .cache/mysql. MariaDB: the server named by LEADMILL_TEST_MARIADB_DSN, an
# installed mariadbd, its Debian package, Docker. Redis: an installed redis-server, or Debian's package
# redis-tools, which has the program without the service. RabbitMQ: an installed one, or on Debian as root its package, taken apart
# under .cache/rabbitmq without the service, with Debian's Erlang. Chromium: the program named by LEADMILL_TEST_CHROMIUM, an installed
# chromium, chromium-browser or google-chrome, its Debian package. Clients: Node.js 20.19 or later with npm and PHP 8 with curl, as
# they are installed or from Debian's packages (Debian 12 has only Node.js 18), and the packages that
# tests/clients/typescript/package-lock.json and sdk/typescript/package-lock.json name, in .cache/clients and .cache/sdk.
# Packages: those of sdk/typescript alone. Chromium also takes axe-core, which tests/browser/npm/package-lock.json names, into .cache/browser. It starts no server and touches no existing database. Running it again is quick. LEADMILL_TEST_DEBIAN_MIRROR names another mirror for the private copy.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly cache="$PWD/.cache"

say() { printf 'test-setup: %s\n' "$*"; }
die() { printf 'test-setup: %s\n' "$*" >&2; exit 1; }

is_debian_root() {
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null && grep -qsE '^ID(_LIKE)?=.*debian' /etc/os-release
}

# The package lists are fetched only when the first try fails: on most machines they are there already.
# --no-remove: never trade away a database server that somebody installed.
apt_install() {
    local log="$cache/apt.log"
    local install=(apt-get install -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120 "$@")
    export DEBIAN_FRONTEND=noninteractive
    say "installing $*"
    "${install[@]}" >"$log" 2>&1 && return
    { apt-get update -o DPkg::Lock::Timeout=120 || true; } >"$log" 2>&1
    "${install[@]}" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; die "could not install $*"; }
}

has_docker() { command -v docker >/dev/null && docker info --format '{{.ServerVersion}}' >/dev/null 2>&1; }

docker_image() {
    docker image inspect "$1" >/dev/null 2>&1 || { say "pulling $1"; docker pull --quiet "$1"; }
}

# mysqld is often MariaDB under another name: only the version tells.
installed_mysql() {
    local found version
    found=$(PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/local/mysql/bin" command -v mysqld) || return 1
    version=$("$found" --no-defaults --version 2>/dev/null) || return 1
    [[ $version != *MariaDB* ]] || return 1
    printf '%s\n' "$found"
}

# Runs the private copy's mysqld with the copy's own libraries, so that it needs no chroot.
private_mysql_version() {
    local root="$1" loader
    for loader in "$root"/usr/lib64/ld-linux-*.so.* "$root"/usr/lib/ld-linux-*.so.*; do
        [[ -x $loader ]] || continue
        "$loader" --library-path "$(printf '%s:' "$root"/usr/lib/*-linux-gnu)" "$root/usr/sbin/mysqld" --no-defaults --version
        return
    done
    return 1
}

# rm must not follow what debootstrap may have left mounted when it was interrupted.
remove_root() {
    umount "$1/proc" 2>/dev/null || true
    umount "$1/sys" 2>/dev/null || true
    rm -rf --one-file-system -- "$1"
}

private_mysql() {
    local root="$cache/mysql" old
    command -v debootstrap >/dev/null && [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] ||
        apt_install debootstrap debian-archive-keyring
    while IFS= read -r old; do remove_root "$old"; done \
        < <(find "$cache" -maxdepth 1 -name 'mysql.tmp.*' -mmin +120)

    building=$(mktemp -d "$cache/mysql.tmp.XXXXXX")
    trap 'remove_root "$building"' EXIT
    chmod 755 "$building"
    say "making a private copy of MySQL in .cache/mysql (about half a minute)"
    # sid is the suite that has MySQL itself.
    debootstrap --variant=minbase --include=mysql-server-core sid "$building" \
        ${LEADMILL_TEST_DEBIAN_MIRROR:+"$LEADMILL_TEST_DEBIAN_MIRROR"} >"$cache/debootstrap.log" 2>&1 ||
        { tail -n 20 "$cache/debootstrap.log" >&2; die "debootstrap failed: see .cache/debootstrap.log"; }
    rm -rf -- "$building"/var/cache/apt/* "$building"/var/lib/apt/lists/* "$building"/usr/share/{doc,man,locale}
    private_mysql_version "$building" >/dev/null || die "the copy's mysqld does not run: see .cache/debootstrap.log"
    # Only a complete copy gets the name; when somebody else was quicker, theirs is as good.
    mv -T "$building" "$root" 2>/dev/null || private_mysql_version "$root" >/dev/null ||
        die "cannot put the copy in .cache/mysql"
}

setup_mysql() {
    local found
    if [[ -n ${LEADMILL_TEST_MYSQL_DSN:-}${LEADMILL_TEST_MYSQL_URL:-} ]]; then
        say "MySQL: the server that the environment names"
    elif has_docker; then
        docker_image mysql:8.4
        say "MySQL: Docker"
    elif found=$(installed_mysql); then
        say "MySQL: $found"
    elif [[ -x .cache/mysql/usr/sbin/mysqld ]]; then
        say "MySQL: .cache/mysql"
    elif is_debian_root; then
        private_mysql
        say "MySQL: $(private_mysql_version "$cache/mysql" | sed 's/.*Ver/Ver/')"
    else
        die "no MySQL: start Docker, install MySQL's server, or set LEADMILL_TEST_MYSQL_DSN=user:password@tcp(host:port)/"
    fi
}

setup_mariadb() {
    local found
    if [[ -n ${LEADMILL_TEST_MARIADB_DSN:-}${LEADMILL_TEST_MARIADB_URL:-} ]]; then
        say "MariaDB: the server that the environment names"
    elif found=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mariadbd); then
        say "MariaDB: $found"
    elif is_debian_root; then
        # The core packages are the programs alone: no service, no data directory.
        apt_install mariadb-server-core mariadb-client-core
        say "MariaDB: $(command -v mariadbd || echo /usr/sbin/mariadbd)"
    elif has_docker; then
        docker_image mariadb:10.11
        say "MariaDB: Docker"
    else
        die "no MariaDB: install its server, start Docker, or set LEADMILL_TEST_MARIADB_DSN=user:password@tcp(host:port)/"
    fi
}

# The race detector is C.
setup_compiler() {
    has_compiler() { command -v gcc >/dev/null || command -v clang >/dev/null; }
    has_compiler || ! is_debian_root || apt_install gcc libc6-dev
    has_compiler || die "no C compiler: install gcc"
}

# Debian's redis-server is the program of redis-tools under another name, with a service that nobody here wants.
setup_redis() {
    local found
    found=$(command -v redis-server || command -v redis-check-rdb) || ! is_debian_root || apt_install redis-tools
    found=$(command -v redis-server || command -v redis-check-rdb) || die "no Redis: install redis-server"
    say "Redis: $found"
}

# The package has a service that nobody here wants: only its files are taken. It runs from any folder, with Debian's Erlang, which has none.
setup_rabbitmq() {
    local found
    found=$(compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' || compgen -G "$cache/rabbitmq/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server") ||
        ! is_debian_root || private_rabbitmq
    command -v epmd >/dev/null || ! is_debian_root || apt_install "${erlang[@]}"
    found=$(compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' || compgen -G "$cache/rabbitmq/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server") ||
        die "no RabbitMQ: install rabbitmq-server"
    say "RabbitMQ: $found"
}

readonly erlang=(erlang-base erlang-crypto erlang-eldap erlang-inets erlang-mnesia erlang-os-mon erlang-parsetools erlang-public-key erlang-runtime-tools
    erlang-ssl erlang-syntax-tools erlang-tools erlang-xmerl)

private_rabbitmq() {
    local building
    apt_install "${erlang[@]}"
    building=$(mktemp -d "$cache/rabbitmq.tmp.XXXXXX")
    say "taking RabbitMQ's package apart in .cache/rabbitmq"
    (cd "$building" && apt-get download rabbitmq-server && dpkg -x rabbitmq-server_*.deb . && rm rabbitmq-server_*.deb) >"$cache/rabbitmq.log" 2>&1 ||
        { tail -n 20 "$cache/rabbitmq.log" >&2; rm -rf -- "$building"; die "no RabbitMQ: see .cache/rabbitmq.log"; }
    chmod 755 "$building"
    mv -T "$building" "$cache/rabbitmq" 2>/dev/null || rm -rf -- "$building" # somebody else was quicker
}

# Only one that runs counts: on some systems the command is there to say how to install it.
installed_chromium() {
    local name found
    for name in chromium chromium-browser google-chrome; do
        found=$(command -v "$name") && "$found" --version >/dev/null 2>&1 || continue
        printf '%s\n' "$found"
        return
    done
    return 1
}

setup_chromium() {
    local found
    if [[ -n ${LEADMILL_TEST_CHROMIUM:-} ]]; then
        "$LEADMILL_TEST_CHROMIUM" --version >/dev/null 2>&1 || die "LEADMILL_TEST_CHROMIUM names no program that runs"
        say "Chromium: $LEADMILL_TEST_CHROMIUM"
    elif found=$(installed_chromium); then
        say "Chromium: $found"
    elif is_debian_root; then
        apt_install chromium
        found=$(installed_chromium) || die "the package chromium brought no chromium that runs"
        say "Chromium: $found"
    else
        die "no Chromium: install it, or name one in LEADMILL_TEST_CHROMIUM"
    fi
}

has_node() { command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)' 2>/dev/null; }
has_php() { php -r 'exit(PHP_MAJOR_VERSION >= 8 && extension_loaded("curl") ? 0 : 1);' >/dev/null 2>&1; }

# Installs what the package-lock.json of a folder names.
setup_packages() {
    local from=$1 to=$2
    mkdir -p "$to"
    cmp -s "$from/package-lock.json" "$to/installed.json" && return
    say "installing what $from/package-lock.json names"
    rm -f "$to/installed.json"
    cp "$from/package.json" "$from/package-lock.json" "$to"
    (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund) >"$cache/npm.log" 2>&1 ||
        { tail -n 20 "$cache/npm.log" >&2; die "npm ci failed: see .cache/npm.log"; }
    cp "$from/package-lock.json" "$to/installed.json" # last, so that only a complete installation counts
}

setup_clients() {
    has_node || ! is_debian_root || apt_install nodejs npm
    has_node || die "no Node.js 20.19 or later with npm: install them"
    has_php || ! is_debian_root || apt_install php-cli php-curl
    has_php || die "no PHP 8 with its curl extension: install them"
    command -v curl >/dev/null || ! is_debian_root || apt_install curl
    command -v curl >/dev/null || die "no curl: install it"
    setup_packages tests/clients/typescript "$cache/clients"
    setup_packages sdk/typescript "$cache/sdk"
    say "clients: Node.js $(node --version), PHP $(php -r 'echo PHP_VERSION;'), .cache/clients, .cache/sdk"
}

# What looks at the console's pages in the browser.
setup_axe() {
    has_node || ! is_debian_root || apt_install nodejs npm
    has_node || die "no Node.js 20.19 or later with npm: install them"
    setup_packages tests/browser/npm "$cache/browser"
}

mkdir -p "$cache"
[[ $# -gt 0 ]] || set -- mysql mariadb redis rabbitmq chromium clients compiler
for what in "$@"; do
    case $what in
        mysql) setup_mysql ;;
        mariadb) setup_mariadb ;;
        redis) setup_redis ;;
        rabbitmq) setup_rabbitmq ;;
        compiler) setup_compiler ;;
        chromium) setup_chromium && setup_axe ;;
        clients) setup_clients ;;
        packages) setup_packages sdk/typescript "$cache/sdk" ;;
        *) die "unknown word \"$what\": mysql, mariadb, redis, rabbitmq, chromium, clients, packages or compiler" ;;
    esac
done

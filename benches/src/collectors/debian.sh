# What the scripts `build` of languages that come as a Debian package have in common; they source it.

# bring COMMAND LEAST PACKAGE: says why the command is not there, or installs the package that has it.
bring() {
    local command=$1 least=$2 package=$3
    if [ -n "${STRATA_OFFLINE:-}" ]; then
        echo "skipped: there is no $command $least or later, and nothing is installed offline" >&2
        return 1
    fi
    if ! command -v apt-get >/dev/null; then
        echo "skipped: there is no $command $least or later, and no apt-get to install $package with" >&2
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "skipped: there is no $command $least or later, and only root may install $package" >&2
        return 1
    fi
    echo "installing $package" >&2
    apt_install "$package" || { apt-get update -qq >&2 </dev/null && apt_install "$package"; }
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=15 "$1" >&2 </dev/null
}

# at_least LEAST VERSION: the version is this one or a later one.
at_least() {
    [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# up_to_date PRODUCT SOURCES: the product is there, and no source is newer.
up_to_date() {
    [ -e "$1" ] && [ -z "$(find "$2" -newer "$1" -print -quit)" ]
}

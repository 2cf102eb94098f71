#!/bin/bash
# The one script of the project: ./do help lists its commands. Each installs what it needs (Debian
# packages, once) and says so.
set -euo pipefail
cd "$(dirname "$0")"

BUILD_PACKAGES="gcc libc6-dev pkg-config meson ninja-build libuv1-dev libssl-dev libsqlite3-dev
    libpq-dev libsodium-dev libgsasl-dev libconfuse-dev uthash-dev libidn2-dev libjson-c-dev
    libunbound-dev libunistring-dev zlib1g-dev libexpat1-dev libqrencode-dev"
# llhttp: a library of its own from Debian 13 on, before that sources in a package of Node's
VERSION_ID=$(. /etc/os-release && echo "${VERSION_ID:-13}")
if [ "${VERSION_ID%%.*}" -ge 13 ]; then
    BUILD_PACKAGES+=" libllhttp-dev"
else
    BUILD_PACKAGES+=" node-llhttp"
fi
RUN_PACKAGES="python3 knot"
TEST_PACKAGES="libcmocka-dev python3-pytest python3-pytest-xdist python3-pytest-timeout clang-format
    universal-ctags swaks libnet-ssleay-perl libio-socket-ssl-perl msmtp getmail6 fetchmail curl
    gsasl mpop python3-openssl openssl strace postfix knot opendkim python3-dkim python3-nacl iproute2 util-linux clang libclang-rt-dev
    python3-gi gir1.2-gmime-3.0 python3-boto3 awscli python3-django-anymail python3-yaml
    python3-jsonschema php-cli libphp-phpmailer mailman3 python3-pyzbar isync neomutt
    libmail-imapclient-perl offlineimap3"
BENCH_PACKAGES="postfix opendkim strace openssl util-linux"
# of peers that are only unpacked: Debian's mail servers exclude each other, and start services
BOX_LIBRARIES="libwrap0 libical3 libsasl2-modules libxapian30 libzephyr4 libclamav12 libpcre3
    libexttextcat-2.0-0 liblua5.4-0 libstemmer0d libtirpc3 libunwind8"
PEER_LIBRARIES="libgnutls-dane0 libidn12 libnsl2 libdb5.3 libpcre2-8-0 libevent-2.1-7 libpam0g"
LONG_PACKAGES="llvm valgrind postgresql clang-tidy thunderbird chromium-headless-shell php-intl
    php-mbstring php-xml php-sqlite3 php-pear php-auth-sasl php-mail-mime php-net-smtp
    php-masterminds-html5 php-guzzlehttp-guzzle libjs-jquery libjs-jquery-ui libjs-bootstrap4
    libjs-jquery-minicolors libjs-jstimezonedetect"

say() { printf '\033[1m%s\033[0m\n' "do: $*" >&2; }

# Installs those of the packages that are missing.
need() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing Debian packages: ${missing[*]}"
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    # test peers are started by the tests, never as services of the machine
    echo "postfix postfix/main_mailer_type select No configuration" |
        { ${sudo[@]+"${sudo[@]}"} debconf-set-selections 2>/dev/null || true; }
    ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "${missing[@]}" >/dev/null
}

# configure [OPTIONS...]: the build folder, made once
configure() {
    local how=(setup)
    [ ! -f build/build.ninja ] || how=(configure)
    [ "${how[0]}" = setup ] || [ $# -gt 0 ] || return 0
    local said
    said=$(meson "${how[@]}" build "$@" 2>&1) || {
        tail -n 20 <<<"$said" >&2
        exit 1
    }
}

# What the tests and benches take from npm, locked in test/node; made again when the lock changes.
need_node_modules() {
    command -v npm >/dev/null || need npm
    local stamp=test/node/node_modules/.postamt-lock
    cmp -s test/node/package-lock.json "$stamp" && return
    say "installing npm packages in test/node"
    (cd test/node && npm ci --no-audit --no-fund --loglevel=error >/dev/null)
    cp test/node/package-lock.json "$stamp"
}

build() {
    # shellcheck disable=SC2086
    need $BUILD_PACKAGES
    configure
    ninja -C build postamt | tail -n 1
}

bench_mailbox() {
    # shellcheck disable=SC2086
    need $BOX_LIBRARIES || say "not all libraries of Dovecot and Cyrus can be had"
    tools/get-peers dovecot cyrus
    exec bench/mailbox.py "$@"
}

case "${1:-help}" in
build)
    build
    say "build/postamt is ready"
    ;;
run)
    # shellcheck disable=SC2086
    need $RUN_PACKAGES
    build
    exec tools/demo "${@:2}"
    ;;
test | test-long)
    # shellcheck disable=SC2086
    need $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES
    # shellcheck disable=SC2086
    [ "$1" = test ] || need $LONG_PACKAGES
    need_node_modules
    configure -Dtests=true
    # shellcheck disable=SC2086
    need $PEER_LIBRARIES || say "not all libraries of Exim can be had"
    tools/get-peers exim
    [ "$1" = test ] || tools/get-peers roundcube
    exec tools/run-tests "$@"
    ;;
bench)
    # shellcheck disable=SC2086
    need $BUILD_PACKAGES $RUN_PACKAGES $BENCH_PACKAGES
    # shellcheck disable=SC2086
    need $PEER_LIBRARIES || say "not all libraries of Exim and OpenSMTPD can be had"
    command -v npm >/dev/null || need npm || say "no npm, so no Haraka"
    configure
    need_node_modules
    ninja -C build postamt bench/floor{,_out,_sign,_store} bench/{mail,http,box}load bench/template |
        tail -n 1
    [ "${2:-}" != template ] || exec bench/template.py "${@:3}"
    [ "${2:-}" != api ] || exec bench/api.py "${@:3}"
    [ "${2:-}" != mailbox ] || bench_mailbox "${@:3}"
    tools/get-peers exim opensmtpd haraka
    [ "${2:-}" = relay ] || bench/template.py
    [ "${2:-}" = relay ] || bench/run.py "${@:2}"
    [ "${2:-}" = relay ] || [[ " $* " = *" --only "* ]] || bench/api.py "${@:2}"
    [ "${2:-}" != relay ] || exec bench/relay.py "${@:3}"
    bench/relay.py "${@:2}"
    [[ " $* " = *" --only "* ]] || bench_mailbox "${@:2}"
    ;;
fuzz)
    # shellcheck disable=SC2086
    need $BUILD_PACKAGES libcmocka-dev clang libclang-rt-dev llvm
    exec tools/fuzz "${@:2}"
    ;;
format)
    need clang-format
    find src test bench -name '*.[ch]' -exec clang-format -i {} +
    ;;
help | --help | -h)
    cat <<'HELP'
./do run          build, open a demo office on loopback, send and read a first letter, keep serving
                  (--once: end after the letter)
./do test         build and run the tests; ends with a line that counts them
./do test-long    the same, and sanitizers, crash loops, fuzzing, PostgreSQL, large mailboxes,
                  Thunderbird, Roundcube
./do build        leaves build/postamt
./do bench        side by side with Postfix, Exim, OpenSMTPD and Haraka, templates beside handlebars,
                  letters by HTTP beside those by SMTP, mailboxes beside Dovecot and Cyrus
                  (--quick: fewer letters; these alone:
                  mailbox [--only append|envelope|body|search|sort|change|select|login|pop3|
                  deliver|rest|syncs],
                  relay [--only clear|tls|syncs|dkim|million], template,
                  api [--only mailbox|held|signed|syncs|store])
./do fuzz [NAME [SECONDS]]   one fuzz target, or all
./do format       clang-format over the sources
HELP
    ;;
*)
    say "unknown command \"$1\"; ./do help lists all"
    exit 2
    ;;
esac

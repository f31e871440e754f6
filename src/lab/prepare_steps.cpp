// SPDX-License-Identifier: Apache-2.0
#include "lab/prepare_steps.h"

#include "lab/archive.h"
#include "lab/kernel_image.h"
#include "lab/kernel_modules.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;

// Raised where the steps' own way of making things changes what they make.
constexpr int kRecipe = 1;

// Half a gigabyte is used, and guests write to the rest.
constexpr char kRootSize[] = "768M";
constexpr char kRootPackages[] = "mariadb-server,mariadb-client,gcc,libc6-dev,iproute2,procps";

Result<std::string> kernel_inputs(const Step& step, const PrepareOptions& /*options*/) {
  return fmt::format("recipe {}\npackage {}\nsuite {}\nmodules {}\n", kRecipe, step.package,
                     step.suite, fmt::join(kGuestModules, " "));
}

Result<void> write_note(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  if (!(file << text << std::flush)) return fail(errno_error(errno, "write", path));
  return {};
}

Result<std::string> make_modules(const Preparation& preparation, const std::string& release) {
  const Workshop& workshop = preparation.workshop;
  BRIM_CHECK(workshop.run({"depmod", "-b", workshop.path("tree"), release}, minutes(5)));
  const std::string tree = workshop.path("tree/lib/modules/" + release);
  std::ifstream file(tree + "/modules.dep");
  const std::string dependencies{std::istreambuf_iterator<char>(file),
                                 std::istreambuf_iterator<char>()};
  if (dependencies.empty()) return fail(ErrorCode::io, "depmod wrote no modules.dep", tree);
  std::string made = workshop.path("modules.cpio");
  BRIM_CHECK(write_modules(tree, modules_in_order(dependencies, kGuestModules),
                           workshop.directory(), made));
  return made;
}

Result<std::vector<MadeFile>> make_kernel(const Step& step, Preparation& preparation) {
  const Workshop& workshop = preparation.workshop;
  preparation.tell("reading the package lists");
  BRIM_CHECK(preparation.packages.update(workshop));
  BRIM_TRY(const std::string package,
           preparation.packages.dependency_of(workshop, std::string(step.package),
                                              std::string(step.suite), "linux-image-"));
  const std::string release = package.substr(std::string("linux-image-").size());
  if (!release.starts_with(std::string(step.version) + "."))
    return fail(ErrorCode::missing,
                fmt::format("the archive has {} now, not {}", release, step.version),
                preparation.options.mirror);
  preparation.tell("fetching " + package);
  BRIM_TRY(const std::string file, preparation.packages.unpack(workshop, package, "tree"));
  preparation.tell("unpacking Linux " + release);
  const std::string kernel = workshop.path("vmlinux");
  BRIM_CHECK(unpack_kernel(workshop.path("tree/boot/vmlinuz-" + release), kernel));
  BRIM_TRY(const std::string modules, make_modules(preparation, release));
  BRIM_CHECK(write_note(workshop.path("packages.txt"), file + "\n"));
  const auto named = [&step](std::string_view end) { return fmt::format("{}.{}", step.name, end); };
  return std::vector<MadeFile>{
      {kernel, named("vmlinux")},
      {modules, named("modules.cpio")},
      {workshop.path("tree/boot/config-" + release), named("config")},
      {workshop.path("packages.txt"), named("packages")},
  };
}

Result<std::string> initramfs_inputs(const Step& /*step*/, const PrepareOptions& options) {
  BRIM_TRY(const std::string agent, sha256_of_file(options.agent));
  return fmt::format("recipe {}\nagent {}\npackage busybox-static\n", kRecipe, agent);
}

Result<std::vector<MadeFile>> make_initramfs(const Step& step, Preparation& preparation) {
  using Kind = ArchiveEntry::Kind;
  const Workshop& workshop = preparation.workshop;
  preparation.tell("reading the package lists");
  BRIM_CHECK(preparation.packages.update(workshop));
  preparation.tell("fetching busybox-static");
  BRIM_TRY(const std::string file, preparation.packages.unpack(workshop, "busybox-static", "tree"));
  const std::string made = workshop.path("initramfs.cpio");
  // /init serves, and wants /dev/console for its messages before it has mounted /dev.
  BRIM_CHECK(write_initramfs(
      made, {{Kind::directory, "bin", "", "", 0, 0},
             {Kind::directory, "dev", "", "", 0, 0},
             {Kind::directory, "proc", "", "", 0, 0},
             {Kind::directory, "run", "", "", 0, 0},
             {Kind::directory, "sys", "", "", 0, 0},
             {Kind::directory, "tmp", "", "", 0, 0},
             {Kind::character_device, "dev/console", "", "", 5, 1},
             {Kind::program, "init", preparation.options.agent, "", 0, 0},
             {Kind::program, "bin/busybox", workshop.path("tree/bin/busybox"), "", 0, 0},
             {Kind::link, "bin/sh", "", "busybox", 0, 0}}));
  BRIM_CHECK(write_note(workshop.path("packages.txt"), file + "\n"));
  return std::vector<MadeFile>{
      {made, fmt::format("{}.cpio", step.name)},
      {workshop.path("packages.txt"), fmt::format("{}.packages", step.name)}};
}

Result<std::string> root_inputs(const Step& /*step*/, const PrepareOptions& /*options*/) {
  return fmt::format("recipe {}\nsuite bookworm\npackages {}\nsize {}\n", kRecipe, kRootPackages,
                     kRootSize);
}

// mmdebstrap mounts /proc and /sys in the tree: in a mount namespace, and with a process namespace
// whose first process dies with brim, so that nothing of it is left, mounted or running.
std::vector<std::string> contained() {
  if (::geteuid() != 0) return {};
  return {"unshare", "--fork", "--pid", "--mount", "--kill-child", "--"};
}

Result<std::vector<MadeFile>> make_root(const Step& step, Preparation& preparation) {
  const Workshop& workshop = preparation.workshop;
  preparation.tell("reading the package lists");
  BRIM_CHECK(preparation.packages.update(workshop));
  preparation.tell("installing Debian with MariaDB and gcc into a folder (minutes)");
  // Packages' post-installation needs to search this folder as other users, too.
  std::error_code error;
  fs::create_directory(workshop.path("tmp"), error);
  std::vector<std::string> words = contained();
  for (const std::string& word :
       {std::string("env"), "TMPDIR=" + workshop.path("tmp"), std::string("mmdebstrap"),
        std::string("--quiet"), std::string("--variant=minbase"),
        std::string("--aptopt=APT::Sandbox::User \"root\""),
        std::string("--dpkgopt=path-exclude=/usr/share/doc/*"),
        std::string("--dpkgopt=path-exclude=/usr/share/man/*"),
        std::string("--dpkgopt=path-exclude=/usr/share/locale/*"),
        std::string("--include=") + kRootPackages, std::string("bookworm"), workshop.path("root"),
        preparation.options.mirror})
    words.push_back(word);
  BRIM_CHECK(workshop.run(words, minutes(30)));
  preparation.tell("writing the file system");
  const std::string made = workshop.path("root.ext4");
  BRIM_CHECK(workshop.run(
      {"mkfs.ext4", "-q", "-L", "brim-root", "-d", workshop.path("root"), made, kRootSize},
      minutes(10)));
  // Guests write to a scratch disk over it; the base is never opened for writing.
  fs::permissions(made, fs::perms(0444), error);
  return std::vector<MadeFile>{{made, fmt::format("{}.ext4", step.name)}};
}

Step kernel_step(std::string_view name, std::string_view summary, std::string_view package,
                 std::string_view suite, std::string_view version) {
  return {name,
          summary,
          {{"apt-get", "apt"}, {"apt-cache", "apt"}, {"dpkg-deb", "dpkg"}, {"depmod", "kmod"}},
          kernel_inputs,
          make_kernel,
          package,
          suite,
          version};
}

}  // namespace

const std::vector<Step>& steps() {
  static const std::vector<Step> kSteps = {
      kernel_step("kernel-6.1-cloud", "Linux 6.1 of Debian 12, virtio only",
                  "linux-image-cloud-amd64", "", "6.1"),
      kernel_step("kernel-6.1", "Linux 6.1 of Debian 12, all drivers", "linux-image-amd64", "",
                  "6.1"),
      kernel_step("kernel-6.12-cloud", "Linux 6.12 of Debian's backports, virtio only",
                  "linux-image-cloud-amd64", kBackports, "6.12"),
      kernel_step("kernel-6.12", "Linux 6.12 of Debian's backports, all drivers",
                  "linux-image-amd64", kBackports, "6.12"),
      {"initramfs",
       "busybox and brim's agent",
       {{"apt-get", "apt"}, {"dpkg-deb", "dpkg"}},
       initramfs_inputs,
       make_initramfs,
       "",
       "",
       ""},
      {"rootfs",
       "Debian 12 with MariaDB and gcc, a read-only base",
       {{"apt-get", "apt"},
        {"mmdebstrap", "mmdebstrap"},
        {"mkfs.ext4", "e2fsprogs"},
        {"unshare", "util-linux"}},
       root_inputs,
       make_root,
       "",
       "",
       ""},
  };
  return kSteps;
}

}  // namespace brim::lab

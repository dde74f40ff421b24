#include "relata/base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace relata {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kErrorBytes = size_t{64} << 10;
constexpr int kNotStarted = 126;  // by the child, which has written errno to the report pipe

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void set(int fd) {
    close();
    fd_ = fd;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct Channel {
  Descriptor ours, theirs;
  bool ok = false;
};

// Of sockets, because writing to one whose other side is gone can be told not to raise a signal.
void open_channel(Channel& channel) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  channel.ours.set(ends[0]);
  channel.theirs.set(ends[1]);
  channel.ok = true;
}

Error cannot_start(const std::string& name, int error) {
  return resource_error(fmt::format("{}: cannot be started: {}", name, std::strerror(error)));
}

// In the child: only what may be called between fork and exec.
[[noreturn]] void become(char* const* argv, char* const* environment, const int (&standard)[3],
                         int report, size_t memory) {
  for (int i = 0; i < 3; ++i) dup2(standard[i], i);
  if (memory > 0) {
    const rlimit limit{memory, memory};
    setrlimit(RLIMIT_AS, &limit);
  }
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  execvpe(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t ignored = write(report, &error, sizeof error);
  _exit(kNotStarted);
}

class Process {
 public:
  Process(const std::vector<std::string>& arguments, std::string_view input,
          const ProcessLimits& limits)
      : arguments_(arguments), input_(input), limits_(limits) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { end(); }

  Result<ProcessResult> run() {
    RELATA_CHECK(start());
    RELATA_CHECK(exchange());
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    result_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return std::move(result_);
  }

 private:
  const std::string& name() const { return arguments_.front(); }

  Status start() {
    Channel report;
    for (Channel* channel : {&input_channel_, &output_channel_, &error_channel_, &report}) {
      open_channel(*channel);
      if (!channel->ok) return cannot_start(name(), errno);
    }
    std::vector<char*> argv;
    for (const std::string& argument : arguments_)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::vector<char*> variables;
    for (char** variable = environ; *variable; ++variable) {
      if (std::strncmp(*variable, "LC_ALL=", 7) != 0) variables.push_back(*variable);
    }
    std::string language = "LC_ALL=C.UTF-8";
    variables.push_back(language.data());
    variables.push_back(nullptr);
    const int standard[3] = {input_channel_.theirs.get(), output_channel_.theirs.get(),
                             error_channel_.theirs.get()};
    child_ = fork();
    if (child_ < 0) return cannot_start(name(), errno);
    if (child_ == 0) {
      become(argv.data(), variables.data(), standard, report.theirs.get(), limits_.memory);
    }
    for (Channel* channel : {&input_channel_, &output_channel_, &error_channel_, &report}) {
      channel->theirs.close();
    }
    int error = 0;
    if (read(report.ours.get(), &error, sizeof error) == sizeof error) {
      return cannot_start(name(), error);
    }
    return {};
  }

  // Writes the input and reads both outputs until the program has closed them.
  Status exchange() {
    const auto end = Clock::now() + std::chrono::duration<double>(limits_.seconds);
    size_t written = 0;
    bool output_open = true, errors_open = true;
    while (output_open || errors_open) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0)
        return too_much(fmt::format("takes longer than {} s", limits_.seconds));
      pollfd waits[3] = {{written < input_.size() ? input_channel_.ours.get() : -1, POLLOUT, 0},
                         {output_open ? output_channel_.ours.get() : -1, POLLIN, 0},
                         {errors_open ? error_channel_.ours.get() : -1, POLLIN, 0}};
      if (written == input_.size()) input_channel_.ours.close();
      if (poll(waits, 3, static_cast<int>(std::min<long>(left.count(), 1000))) < 0) {
        if (errno == EINTR) continue;
        return cannot_start(name(), errno);
      }
      if (waits[0].revents != 0) written = send_more(written);
      if (waits[1].revents != 0) {
        output_open = receive(output_channel_.ours.get(), result_.output, limits_.output + 1);
      }
      if (waits[2].revents != 0) {
        errors_open = receive(error_channel_.ours.get(), result_.errors, kErrorBytes);
      }
      if (result_.output.size() > limits_.output) {
        return too_much(fmt::format("writes more than {} bytes", limits_.output));
      }
    }
    return {};
  }

  size_t send_more(size_t written) {
    const ssize_t sent = send(input_channel_.ours.get(), input_.data() + written,
                              input_.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return written + static_cast<size_t>(sent);
    // The program wants no more.
    return errno == EAGAIN || errno == EINTR ? written : input_.size();
  }

  // Appends what there is, up to `most` bytes in all; false at the end.
  static bool receive(int fd, std::string& out, size_t most) {
    char buffer[1 << 16];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (out.size() < most) {
      out.append(buffer, std::min(static_cast<size_t>(got), most - out.size()));
    }
    return got > 0;
  }

  Error too_much(const std::string& what) {
    end();
    return input_error(fmt::format("{} {}", name(), what));
  }

  void end() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
  }

  const std::vector<std::string>& arguments_;
  std::string_view input_;
  const ProcessLimits& limits_;
  Channel input_channel_, output_channel_, error_channel_;
  ProcessResult result_;
  pid_t child_ = -1;
};

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& arguments, std::string_view input,
                                  const ProcessLimits& limits) {
  if (arguments.empty()) throw std::logic_error("run_process() without a program");
  return Process(arguments, input, limits).run();
}

}  // namespace relata

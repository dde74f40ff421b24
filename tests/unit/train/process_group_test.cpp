// Several processes of a run, each played by a thread.
#include "relata/train/process_group.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <map>
#include <thread>

#include "distributed/connection.h"
#include "run_test.h"

namespace relata::train {
namespace {

int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(listener);
  return ntohs(address.sin_port);
}

ProcessPlace place_of(int rank, int count, int port) {
  ProcessPlace place;
  place.rank = rank;
  place.count = count;
  place.address = "127.0.0.1";
  place.port = port;
  place.seconds = 20;
  return place;
}

using Work = std::function<void(std::shared_ptr<ProcessGroup>)>;

void in_processes(int count, const Work& work) {
  const int port = free_port();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      auto joined = ProcessGroup::join(place_of(rank, count, port));
      ASSERT_TRUE(joined.ok()) << joined.error().message;
      work(std::move(*joined));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ProcessGroup, SumsAreTheSameEverywhere) {
  constexpr int kCount = 3;
  std::array<std::vector<float>, kCount> floats;
  std::array<std::array<double, 2>, kCount> doubles{};
  in_processes(kCount, [&](const std::shared_ptr<ProcessGroup>& group) {
    const int rank = group->rank();
    EXPECT_EQ(group->count(), kCount);
    EXPECT_EQ(group->leads(), rank == 0);
    auto& mine = floats[static_cast<size_t>(rank)];
    for (int i = 0; i < 100'000; ++i)
      mine.push_back(0.1F * static_cast<float>((rank + 1) * (i % 7)));
    auto& two = doubles[static_cast<size_t>(rank)] = {1e-20 + rank, rank == 1 ? 5.0 : 0.0};
    EXPECT_TRUE(group->sum(std::span<float>(mine)).ok());
    EXPECT_TRUE(group->sum(std::span<double>(two)).ok());
    EXPECT_EQ(group->share(rank == 0 ? 0.125 : 99.0).value(), 0.125);
    EXPECT_EQ(group->share(rank == 0 ? "first" : "other").value(), "first");
    EXPECT_TRUE(group->sum(std::span<float>()).ok());
  });
  EXPECT_FLOAT_EQ(floats[0][6], 0.6F + 1.2F + 1.8F);
  EXPECT_EQ(floats[1], floats[0]);
  EXPECT_EQ(floats[2], floats[0]);
  EXPECT_EQ(doubles[2], (std::array{3.0, 5.0}));
}

TEST(ProcessGroup, OneThatGivesUpEndsAllWithItsReason) {
  std::array<std::string, 3> said;
  in_processes(3, [&](const std::shared_ptr<ProcessGroup>& group) {
    if (group->rank() == 2) return group->give_up("the disk is full");
    std::array<float, 4> values{};
    const Status status = group->sum(std::span<float>(values));
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kResource);
    EXPECT_NE(status.error().hint.find("resume_from_checkpoint"), std::string::npos);
    said[static_cast<size_t>(group->rank())] = status.error().message;
    EXPECT_FALSE(group->sum(std::span<float>(values)).ok());  // and it stays ended
  });
  EXPECT_EQ(said[0], "process 2 of 3 has ended: the disk is full");
  EXPECT_NE(said[1].find("the disk is full"), std::string::npos) << said[1];
}

TEST(ProcessGroup, OneThatDiesEndsAllEvenWhenAnotherIsWaitedFor) {
  std::array<std::string, 3> said;
  in_processes(3, [&](std::shared_ptr<ProcessGroup> group) {
    const int rank = group->rank();
    if (rank == 2) return group.reset();
    std::array<float, 4> values{};
    if (rank == 1) {  // never comes to the sum by itself
      said[1] = group->share("").error().message;
      return;
    }
    said[0] = group->sum(std::span<float>(values)).error().message;
  });
  EXPECT_EQ(said[0], "process 2 of 3 has ended: it ended without a word");
  EXPECT_NE(said[1].find("process 2 of 3"), std::string::npos) << said[1];
}

TEST(ProcessGroup, OthersThatDoNotComeAreNotWaitedForForever) {
  ProcessPlace place = place_of(0, 2, free_port());
  place.seconds = 0.2;
  const auto joined = ProcessGroup::join(place);
  ASSERT_FALSE(joined.ok());
  EXPECT_EQ(joined.error().code, ErrorCode::kResource);
  EXPECT_NE(joined.error().message.find("1 of 2 processes did not come"), std::string::npos)
      << joined.error().message;
}

TEST(ProcessGroup, AMessageLongerThanAllowedIsRefusedBeforeItIsRead) {
  const Listener listener = listen_for("127.0.0.1").value();
  Connection sender = connect_to("127.0.0.1", listener.port).value();
  Connection receiver = accept_from(listener, 10).value();
  const std::string text(300, 'x');
  ASSERT_TRUE(sender.send(Message::kText, text.data(), text.size()).ok());
  ASSERT_TRUE(sender.send(Message::kText, text.data(), text.size()).ok());
  EXPECT_EQ(receiver.receive(300).value().bytes, text);
  EXPECT_FALSE(receiver.receive(299).ok());
}

TEST(ProcessGroup, ProcessesOfDifferentSizesSaySo) {
  in_processes(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    std::vector<float> values(group->rank() == 0 ? 4 : 5);
    const Status status = group->sum(std::span<float>(values));
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find("another number of weights"), std::string::npos);
  });
}

class Place : public testing::Test {
 protected:
  void SetUp() override { TearDown(); }
  void TearDown() override {
    for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
                             "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"}) {
      ::unsetenv(name);
    }
  }
  static void set(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  static std::string error() {
    const auto place = process_place();
    if (place.ok()) return "";
    EXPECT_EQ(place.error().code, ErrorCode::kUsage);
    return place.error().message;
  }
};

TEST_F(Place, WithoutALauncherThereIsOneProcess) {
  EXPECT_EQ(process_place().value().count, 1);
  set({{"WORLD_SIZE", "1"}});
  EXPECT_EQ(process_place().value().count, 1);
}

TEST_F(Place, IsWhatTheLauncherSays) {
  set({{"WORLD_SIZE", "4"},
       {"RANK", "3"},
       {"MASTER_ADDR", "node-1"},
       {"MASTER_PORT", "29500"},
       {"TORCHELASTIC_USE_AGENT_STORE", "True"},
       {"TORCHELASTIC_RESTART_COUNT", "2"}});
  const ProcessPlace place = process_place().value();
  EXPECT_EQ(place.count, 4);
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.address, "node-1");
  EXPECT_EQ(place.port, 29500);
  EXPECT_TRUE(place.served);
  EXPECT_EQ(place.attempt, "2");
}

TEST_F(Place, WhatIsMissingOrWrongIsNamed) {
  set({{"WORLD_SIZE", "two"}});
  EXPECT_EQ(error(), "WORLD_SIZE=two is not a number from 1 to 1024");
  set({{"WORLD_SIZE", "2"}});
  EXPECT_EQ(error(), "WORLD_SIZE is set, and RANK is not");
  set({{"RANK", "2"}});
  EXPECT_EQ(error(), "RANK=2 is not a number from 0 to 1");
  set({{"RANK", "1"}, {"MASTER_PORT", "0"}});
  EXPECT_EQ(error(), "MASTER_PORT=0 is not a number from 1 to 65535");
  set({{"MASTER_PORT", "29500"}});
  EXPECT_EQ(error(), "WORLD_SIZE is set, and MASTER_ADDR is not");
}

class Parallel : public TrainRun {
 protected:
  void SetUp() override {
    TrainRun::SetUp();
    alone_.output_dir = folder_ + "/alone";
    config_.save_steps = 2;
  }

  static std::shared_ptr<model::Decoder> adapted_model() {
    auto model = tiny_model();
    model::LoraConfig lora;
    lora.rank = 3;
    lora.targets = {"all-linear"};
    EXPECT_TRUE(model->add_adapter("pair", lora, 1).ok());
    return model;
  }
  // The weights that each of so many processes ends with.
  std::vector<at::Tensor> train_with(int count, const std::function<void(TrainerConfig&, int)>& set,
                                     std::vector<Status>* statuses = nullptr) {
    std::vector<at::Tensor> weights(static_cast<size_t>(count));
    std::vector<Status> ends(static_cast<size_t>(count));
    in_processes(count, [&](const std::shared_ptr<ProcessGroup>& group) {
      at::set_num_threads(1);
      const auto rank = static_cast<size_t>(group->rank());
      TrainerConfig config = config_;
      config.processes = group;
      set(config, group->rank());
      auto model = adapted_model();
      const auto done = train(*model, rows_, config);
      if (!done.ok()) ends[rank] = done.error();
      weights[rank] = weights_of(*model);
    });
    if (statuses != nullptr) {
      *statuses = ends;
    } else {
      for (const Status& end : ends) EXPECT_TRUE(end.ok()) << end.error().message;
    }
    return weights;
  }

  TrainerConfig alone_;
};

// A step's micro-batches are the same, and so is the order in which they are added: to the bit.
TEST_F(Parallel, TwoProcessesAreOneWithTwiceTheAccumulation) {
  config_.max_steps = 9;  // an epoch's last step gives the second process nothing
  rows_.resize(11);
  const auto weights = train_with(2, [](TrainerConfig&, int) {});
  const auto losses = logged("loss");
  ASSERT_EQ(losses.size(), 9U);
  EXPECT_TRUE(at::equal(weights[0], weights[1]));
  const auto steps = checkpoints();
  TrainerConfig config = config_;
  config.gradient_accumulation_steps = 2;
  folder_ += "/alone";
  config.output_dir = folder_;
  auto model = adapted_model();
  ASSERT_TRUE(train(*model, rows_, config).ok());
  EXPECT_TRUE(at::equal(weights_of(*model), weights[0]));
  EXPECT_EQ(logged("loss"), losses);
  EXPECT_EQ(checkpoints(), steps);
  folder_.resize(folder_.size() - 6);
}

TEST_F(Parallel, ThreeProcessesAreOneButForRounding) {
  config_.gradient_accumulation_steps = 2;
  config_.per_device_train_batch_size = 2;
  const auto weights = train_with(3, [](TrainerConfig&, int) {});
  const auto losses = logged("loss");
  for (const at::Tensor& w : weights) EXPECT_TRUE(at::equal(w, weights[0]));
  config_.gradient_accumulation_steps = 1;
  config_.per_device_train_batch_size = 12;
  config_.overwrite_output_dir = true;
  auto model = adapted_model();
  ASSERT_TRUE(run(model).ok());
  const auto alone = logged("loss");
  ASSERT_EQ(alone.size(), losses.size());
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(alone[i], losses[i], 1e-5);
  EXPECT_TRUE(at::allclose(weights_of(*model), weights[0], 1e-3, 1e-5));
}

TEST_F(Parallel, ACheckpointOfTwoGoesOnInOne) {
  config_.lr_scheduler_type = "constant";  // whose rates do not depend on the run's length
  config_.max_steps = 8;
  const auto whole = train_with(2, [](TrainerConfig&, int) {});
  std::filesystem::remove_all(folder_);
  config_.max_steps = 4;
  train_with(2, [](TrainerConfig&, int) {});
  config_.max_steps = 8;
  config_.resume_from_checkpoint = "auto";
  auto model = adapted_model();
  const auto refused = run(model);
  ASSERT_FALSE(refused.ok());  // half of each step's rows would be missing
  EXPECT_NE(refused.error().message.find("gradient_accumulation_steps was 2, now 1"),
            std::string::npos)
      << refused.error().message;
  config_.gradient_accumulation_steps = 2;
  const auto done = run(model);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(at::equal(weights_of(*model), whole[0]));
}

TEST_F(Parallel, ProcessesThatWereGivenDifferentThingsDoNotBegin) {
  std::vector<Status> ends;
  train_with(
      2, [](TrainerConfig& config, int rank) { config.learning_rate = rank == 0 ? 0.01 : 0.02; },
      &ends);
  ASSERT_FALSE(ends[1].ok());
  EXPECT_EQ(ends[1].error().message, "process 1 differs from process 0 in: learning_rate");
  ASSERT_FALSE(ends[0].ok());
  EXPECT_NE(ends[0].error().message.find("learning_rate"), std::string::npos);
}

TEST_F(Parallel, TheFirstEvaluatesForAll) {
  config_.eval_steps = 1;
  config_.early_stopping_patience = 2;
  config_.max_steps = 20;
  int evaluations = 0;
  std::array<int64_t, 2> steps{}, best{};
  in_processes(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    TrainerConfig config = config_;
    config.processes = group;
    auto model = adapted_model();
    // Better twice, then no more.
    const auto evaluate = [&]() -> Result<double> { return evaluations++ < 2 ? evaluations : 0.0; };
    const auto done = train(*model, rows_, config, evaluate);
    ASSERT_TRUE(done.ok()) << done.error().message;
    steps[static_cast<size_t>(group->rank())] = done->steps;
    best[static_cast<size_t>(group->rank())] = done->best_step;
  });
  EXPECT_EQ(evaluations, 4);
  EXPECT_EQ(steps, (std::array<int64_t, 2>{4, 4}));
  EXPECT_EQ(best, (std::array<int64_t, 2>{2, 2}));
}

TEST_F(Parallel, AnErrorInOneIsAnErrorInAll) {
  std::vector<Status> ends;
  const auto weights = train_with(
      2,
      [&](TrainerConfig& config, int rank) {
        if (rank == 0) config.output_dir = "/proc/none";
      },
      &ends);
  ASSERT_FALSE(ends[0].ok());
  ASSERT_FALSE(ends[1].ok());
  EXPECT_NE(ends[1].error().message.find("/proc/none"), std::string::npos)
      << ends[1].error().message;
}

}  // namespace
}  // namespace relata::train

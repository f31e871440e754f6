// SPDX-License-Identifier: Apache-2.0
#pragma once
// A RAM image as a subject of a scan. Its pages have no facts: an image doesn't tell host frames.
// Pages that the file names but doesn't hold count as denied; known holes are zero without being
// read.

#include "base/result.h"
#include "image/ram_image.h"
#include "share/measure/subject.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::share {

class ImageSubject final : public Subject {
 public:
  ImageSubject(std::unique_ptr<image::RamImage> image, std::string name);

  [[nodiscard]] SubjectKind kind() const override { return SubjectKind::image; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string identified_by() const override;
  [[nodiscard]] std::span<const Part> parts() const override { return parts_; }
  [[nodiscard]] Pages readable_pages() const override { return readable_; }
  [[nodiscard]] Pages padded_pages() const override { return image_->padded_pages(); }
  [[nodiscard]] std::optional<Error> damage() const override { return image_->damage(); }
  [[nodiscard]] std::vector<std::string> notes() const override { return image_->notes(); }
  [[nodiscard]] bool has_facts() const override { return false; }
  [[nodiscard]] std::string why_no_facts() const override;
  [[nodiscard]] Result<std::unique_ptr<SubjectReader>> reader() const override;

 private:
  std::unique_ptr<image::RamImage> image_;
  std::string name_;
  std::vector<Part> parts_;
  Pages readable_;
};

// Opens all, in order. A subject is named after its file; with as many folders before it as it
// takes to tell two apart. bad_input where two paths are the same file. `cancel`: see
// image::open_ram_image().
[[nodiscard]] Result<std::vector<std::unique_ptr<Subject>>> open_image_subjects(
    std::span<const std::string> paths, const Cancel& cancel = kNeverCancelled);

}  // namespace brim::share
